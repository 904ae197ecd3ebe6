// What every backend must do, as cases for any test runner:
//
//   describe('MyBackend', () => { for (const { name, run } of backendConformance(makeHarness)) it(name, run); });
import assert from 'node:assert/strict';
import type { BlobBackend, BlobProperties, ListOptions, ReadOptions } from '../backend.ts';
import { BlobError, type BlobErrorCode } from '../errors.ts';

/** One backend under test with an empty container behind it, and the means to fill that. Disposed after each case. */
export interface ConformanceHarness extends AsyncDisposable {
  readonly backend: BlobBackend;
  /** Creates or replaces a blob, past the backend. */
  readonly put: (path: string, content: Uint8Array) => Promise<void>;
  /** Removes a blob, past the backend. */
  readonly delete: (path: string) => Promise<void>;
  /** Whether the store can hold a blob of this name. Default: every name. */
  readonly canHold?: (path: string) => boolean;
  /** Reads that the store is still answering; where it is known, leaving a read early must bring it to 0. */
  readonly openReads?: () => number;
}

/** One promise of the interface. */
export interface ConformanceCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** Names that break naive code: each is a plain blob name to a store. */
const ODD_NAMES = [
  'a b/c d.tar',
  'dir/ünïcödé-日本語-🙂.jpg',
  // One letter in two Unicode forms: two names.
  'forms/\u00e9',
  'forms/e\u0301',
  'percent/100%.txt',
  'percent/a%2Fb',
  'hash#tag?query=1&x=%20',
  'plus+and=and;semi,comma',
  'quotes\'"<&>',
  'trailing.dot.',
  '.hidden/.file',
  '...',
  'a//b',
  'trailing/slash/',
  'tilde~brackets[0]{1}(2)!*$@:',
];

/** More than one socket's worth, so that a read comes in several pieces from any store. */
const LARGE_BYTES = 3 * 1024 * 1024 + 17;
/** How long to wait for a store to notice that a reader has gone. */
const CANCEL_LIMIT_MS = 10_000;

/** The cases that an implementation of {@link BlobBackend} passes; `makeHarness` gives each a fresh container. */
export function backendConformance(makeHarness: () => Promise<ConformanceHarness>): readonly ConformanceCase[] {
  return Object.entries(CASES).map(([name, test]) => ({
    name,
    async run() {
      await using harness = await makeHarness();
      await test(harness);
    },
  }));
}

const CASES: Readonly<Record<string, (harness: ConformanceHarness) => Promise<void>>> = {
  async 'stat gives the properties that a listing gives'({ backend, put }) {
    const before = Date.now();
    await put('dir/a.bin', patterned(1000));
    await put('dir/empty', new Uint8Array());
    const listed = await listAll(backend, { prefix: '' });
    assert.deepEqual(
      listed.blobs.map(({ path, size }) => [path, size]),
      [
        ['dir/a.bin', 1000],
        ['dir/empty', 0],
      ],
    );
    for (const blob of listed.blobs) {
      assert.deepEqual(await backend.stat(blob.path), blob);
      assert.ok(blob.etag.length > 0);
      // Stores keep whole seconds, and their clock may differ a little.
      assert.ok(Math.abs(blob.lastModifiedMs - before) < 60_000, `last modified ${blob.lastModifiedMs}, now ${before}`);
    }
  },

  async 'a new content has a new ETag, also when its size is the same'({ backend, put }) {
    await put('a', patterned(10));
    const first = await backend.stat('a');
    await put('a', patterned(10, 1));
    assert.notEqual((await backend.stat('a')).etag, first.etag);
  },

  async 'what does not exist is BLOB_NOT_FOUND'({ backend, put, delete: remove }) {
    await put('dir/a', patterned(3));
    await put('gone', patterned(3));
    await remove('gone');
    const long = 'long/'.repeat(500);
    for (const path of ['missing', 'dir', 'dir/', 'dir/a/b', 'dir/A', 'gone', `${long}name`, '', 'lone-\ud800-surrogate']) {
      await fails('BLOB_NOT_FOUND', backend.stat(path), path);
      await fails('BLOB_NOT_FOUND', readAll(backend, path, { offset: 0, length: 1 }), path);
    }
  },

  async 'a name is never interpreted: dot parts reach no other blob'({ backend, put }) {
    await put('secret', patterned(3));
    await put('dir/a', patterned(3));
    for (const path of ['dir/../secret', './secret', 'dir/./a', '../secret', '..', '.', '/secret', 'dir//a', 'dir/%2e%2e/secret']) {
      await fails(['BLOB_NOT_FOUND', 'BLOB_REQUEST'], backend.stat(path), path);
      await fails(['BLOB_NOT_FOUND', 'BLOB_REQUEST'], readAll(backend, path, { offset: 0, length: 1 }), path);
    }
  },

  async 'odd names are listed, found and read'({ backend, put, canHold }) {
    const names = ODD_NAMES.filter((name) => canHold?.(name) ?? true);
    for (const [index, name] of names.entries()) await put(name, patterned(20, index));
    const listed = await listAll(backend, { prefix: '' });
    assert.deepEqual(listed.blobs.map(({ path }) => path).sort(), [...names].sort());
    for (const [index, name] of names.entries()) {
      assert.equal((await backend.stat(name)).path, name);
      assert.deepEqual(await readAll(backend, name, { offset: 0, length: 20 }), patterned(20, index), name);
      const narrowed = await listAll(backend, { prefix: name });
      assert.deepEqual(
        narrowed.blobs.map(({ path }) => path),
        [name],
      );
    }
  },

  async 'a flat listing is whole, in order and without doubles at every page size'({ backend, put }) {
    const names = manyNames();
    for (const name of names) await put(name, patterned(1));
    for (const pageSize of [1, 2, 3, 7, 100, undefined]) {
      const { blobs, prefixes } = await listAll(backend, { prefix: '', ...(pageSize === undefined ? {} : { pageSize }) });
      assert.deepEqual(
        blobs.map(({ path }) => path),
        names,
      );
      assert.deepEqual(prefixes, []);
    }
  },

  async 'a delimiter folds what lies deeper, at every page size'({ backend, put }) {
    for (const name of manyNames()) await put(name, patterned(1));
    for (const pageSize of [1, 2, 5, undefined]) {
      const size = pageSize === undefined ? {} : { pageSize };
      const root = await listAll(backend, { prefix: '', delimiter: '/', ...size });
      assert.deepEqual(root.prefixes, ['a/', 'b/', 'c/']);
      assert.deepEqual(
        root.blobs.map(({ path }) => path),
        ['a-file', 'a.file', 'top-0', 'top-1', 'top-2'],
      );
      const inner = await listAll(backend, { prefix: 'b/', delimiter: '/', ...size });
      assert.deepEqual(inner.prefixes, ['b/deep/']);
      assert.deepEqual(
        inner.blobs.map(({ path }) => path),
        ['b/0', 'b/1', 'b/2'],
      );
    }
  },

  async 'a prefix is a string, not a directory'({ backend, put }) {
    for (const name of manyNames()) await put(name, patterned(1));
    const flat = await listAll(backend, { prefix: 'a' });
    assert.deepEqual(
      flat.blobs.map(({ path }) => path),
      manyNames().filter((name) => name.startsWith('a')),
    );
    const folded = await listAll(backend, { prefix: 'a', delimiter: '/' });
    assert.deepEqual(folded.prefixes, ['a/']);
    assert.deepEqual(
      folded.blobs.map(({ path }) => path),
      ['a-file', 'a.file'],
    );
    const part = await listAll(backend, { prefix: 'b/de', delimiter: '/' });
    assert.deepEqual(part, { blobs: [], prefixes: ['b/deep/'] });
    for (const prefix of ['zzz', 'a/0/', 'A', 'top-0/x', '../', '/a']) {
      assert.deepEqual(await listAll(backend, { prefix, delimiter: '/' }), { blobs: [], prefixes: [] }, prefix);
    }
  },

  async 'an empty container lists nothing'({ backend }) {
    assert.deepEqual(await listAll(backend, { prefix: '' }), { blobs: [], prefixes: [] });
    assert.deepEqual(await listAll(backend, { prefix: 'x/', delimiter: '/' }), { blobs: [], prefixes: [] });
  },

  async 'a page is asked for when it is wanted, and no page exceeds its size'({ backend, put }) {
    for (let index = 0; index < 9; index += 1) await put(`n/${index}`, patterned(1));
    let entries = 0;
    for await (const page of backend.list({ prefix: 'n/', pageSize: 4 })) {
      assert.ok(page.blobs.length + page.prefixes.length <= 4);
      entries += page.blobs.length;
      if (entries > 0) break;
    }
    assert.ok(entries > 0 && entries <= 4);
  },

  async 'a listing goes on from the mark of any page, and the last page has none'({ backend, put }) {
    for (const name of manyNames()) await put(name, patterned(1));
    for (const delimiter of [undefined, '/'] as const) {
      const options = { prefix: '', pageSize: 3, ...(delimiter === undefined ? {} : { delimiter }) };
      const pages = [];
      for await (const page of backend.list(options)) pages.push(page);
      assert.ok(pages.length > 1);
      for (const [index, { nextMarker }] of pages.entries()) {
        assert.equal(nextMarker === undefined, index === pages.length - 1);
        if (nextMarker === undefined) continue;
        const rest = await listAll(backend, { ...options, marker: nextMarker });
        const expected = pages.slice(index + 1);
        assert.deepEqual(
          rest.blobs,
          expected.flatMap(({ blobs }) => blobs),
        );
        assert.deepEqual(
          rest.prefixes,
          expected.flatMap(({ prefixes }) => prefixes),
        );
      }
    }
  },

  async 'any range is read exactly'({ backend, put }) {
    const content = patterned(LARGE_BYTES);
    await put('large', content);
    const { etag } = await backend.stat('large');
    const ranges = [
      [0, LARGE_BYTES],
      [0, 1],
      [LARGE_BYTES - 1, 1],
      [1, LARGE_BYTES - 1],
      [131_072, 131_072],
      [1_000_003, 777_777],
    ] as const;
    for (const [offset, length] of ranges) {
      const expected = content.subarray(offset, offset + length);
      assert.ok(sameBytes(await readAll(backend, 'large', { offset, length }), expected), `${length} bytes from ${offset}`);
      assert.ok(
        sameBytes(await readAll(backend, 'large', { offset, length, ifMatch: etag }), expected),
        `If-Match, ${length} from ${offset}`,
      );
    }
  },

  async 'the pieces of a read may be kept'({ backend, put }) {
    const content = patterned(LARGE_BYTES);
    await put('large', content);
    const pieces: Uint8Array[] = [];
    for await (const piece of backend.read('large', { offset: 0, length: LARGE_BYTES })) pieces.push(piece);
    assert.ok(sameBytes(Buffer.concat(pieces), content));
  },

  async 'many reads at once do not disturb each other'({ backend, put }) {
    const content = patterned(LARGE_BYTES);
    await put('large', content);
    const length = 65_536;
    const reads = Array.from({ length: 40 }, async (_, index) => {
      const offset = index * length;
      assert.ok(sameBytes(await readAll(backend, 'large', { offset, length }), content.subarray(offset, offset + length)), `read ${index}`);
    });
    await Promise.all(reads);
  },

  async 'an outdated version is BLOB_CHANGED'({ backend, put }) {
    await put('a', patterned(100));
    const { etag } = await backend.stat('a');
    await put('a', patterned(100, 1));
    await fails('BLOB_CHANGED', readAll(backend, 'a', { offset: 0, length: 100, ifMatch: etag }));
    assert.deepEqual(await readAll(backend, 'a', { offset: 0, length: 100 }), patterned(100, 1));
  },

  async 'a version of a deleted blob is BLOB_NOT_FOUND or BLOB_CHANGED'({ backend, put, delete: remove }) {
    await put('a', patterned(100));
    const { etag } = await backend.stat('a');
    await remove('a');
    await fails(['BLOB_NOT_FOUND', 'BLOB_CHANGED'], readAll(backend, 'a', { offset: 0, length: 100, ifMatch: etag }));
    await fails('BLOB_NOT_FOUND', readAll(backend, 'a', { offset: 0, length: 100 }));
  },

  async 'a range outside the blob is BLOB_RANGE'({ backend, put }) {
    await put('a', patterned(100));
    await put('empty', new Uint8Array());
    const ranges = [
      ['a', 100, 1],
      ['a', 99, 2],
      ['a', 0, 101],
      ['a', 5000, 10],
      ['a', -1, 10],
      ['a', 0, 0],
      ['a', 0.5, 1],
      ['empty', 0, 1],
      ['empty', 10, 10],
    ] as const;
    for (const [path, offset, length] of ranges) {
      await fails('BLOB_RANGE', readAll(backend, path, { offset, length }), `${length} bytes of ${path} from ${offset}`);
    }
  },

  async 'an aborted signal stops every operation before it begins'({ backend, put }) {
    await put('a', patterned(100));
    const reason = new Error('no longer wanted');
    const signal = AbortSignal.abort(reason);
    await assert.rejects(backend.stat('a', { signal }), (error) => error === reason);
    await assert.rejects(listAll(backend, { prefix: '', signal }), (error) => error === reason);
    await assert.rejects(readAll(backend, 'a', { offset: 0, length: 100, signal }), (error) => error === reason);
  },

  async 'abort stops operations under way'({ backend, put, openReads }) {
    await put('large', patterned(LARGE_BYTES));
    for (let index = 0; index < 3; index += 1) await put(`n/${index}`, patterned(1));
    const reason = new Error('no longer wanted');

    const stat = new AbortController();
    const properties = backend.stat('large', { signal: stat.signal });
    stat.abort(reason);
    await assert.rejects(properties, (error) => error === reason);

    const read = new AbortController();
    await assert.rejects(
      async () => {
        for await (const piece of backend.read('large', { offset: 0, length: LARGE_BYTES, signal: read.signal })) {
          assert.ok(!read.signal.aborted, `a piece of ${piece.length} bytes after the abort`);
          read.abort(reason);
        }
      },
      (error) => error === reason,
    );
    await comesToZero(openReads);

    const list = new AbortController();
    await assert.rejects(
      async () => {
        for await (const page of backend.list({ prefix: 'n/', pageSize: 1, signal: list.signal })) {
          assert.ok(!list.signal.aborted, `a page of ${page.blobs.length} entries after the abort`);
          if (page.blobs.length > 0) list.abort(reason);
        }
      },
      (error) => error === reason,
    );
  },

  async 'leaving a read early cancels it, and the backend goes on'({ backend, put, openReads }) {
    const content = patterned(LARGE_BYTES);
    await put('large', content);
    for (let index = 0; index < 20; index += 1) {
      for await (const piece of backend.read('large', { offset: 0, length: LARGE_BYTES })) {
        assert.ok(piece.length > 0);
        break;
      }
    }
    await comesToZero(openReads);
    assert.ok(sameBytes(await readAll(backend, 'large', { offset: 0, length: LARGE_BYTES }), content));
  },
};

/** Names around the places where order and folding go wrong: `-` and `.` sort before `/`. */
function manyNames(): string[] {
  return [
    ...['a-file', 'a.file', 'a/0', 'a/1'],
    ...['b/0', 'b/1', 'b/2', 'b/deep/0', 'b/deep/1', 'b/deep/deeper/0'],
    ...['c/only/one'],
    ...['top-0', 'top-1', 'top-2'],
  ];
}

/** Bytes that differ by position and by `seed`. */
function patterned(length: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  // A multiplier that is odd and large, so that neither 256-byte nor 64 KiB shifts look alike.
  for (let index = 0; index < length; index += 1) bytes[index] = (Math.imul(index + 1, 2_654_435_761) >>> 19) + seed;
  return bytes;
}

async function listAll(backend: BlobBackend, options: ListOptions): Promise<{ blobs: BlobProperties[]; prefixes: string[] }> {
  const blobs: BlobProperties[] = [];
  const prefixes: string[] = [];
  for await (const page of backend.list(options)) {
    blobs.push(...page.blobs);
    prefixes.push(...page.prefixes);
  }
  return { blobs, prefixes };
}

async function readAll(backend: BlobBackend, path: string, options: ReadOptions): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of backend.read(path, options)) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

/** `deepEqual` of megabytes takes seconds. */
function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

async function fails(code: BlobErrorCode | readonly BlobErrorCode[], work: Promise<unknown>, what = ''): Promise<void> {
  const error = await work.then(
    () => assert.fail(`${what}: no error, expected ${String(code)}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof BlobError, `${what}: ${String(error)} is no BlobError`);
  assert.ok([code].flat().includes(error.code), `${what}: ${error.code} instead of ${String(code)} (${error.message})`);
}

async function comesToZero(count: (() => number) | undefined): Promise<void> {
  if (count === undefined) return;
  const limit = Date.now() + CANCEL_LIMIT_MS;
  while (count() > 0) {
    assert.ok(Date.now() < limit, `${count()} reads are still open`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
