import { execFileSync } from 'node:child_process';
import { appendFile, chmod, mkdir, mkdtemp, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LocalBackend } from '../src/index.ts';
import { backendConformance, MemoryBackend } from '../src/testing/testing.ts';

interface Folder extends AsyncDisposable {
  /** The served folder. */
  readonly root: string;
  /** Beside it. */
  readonly outside: string;
  readonly backend: LocalBackend;
  readonly put: (path: string, content: Uint8Array | string) => Promise<void>;
}

async function makeFolder(): Promise<Folder> {
  const base = await mkdtemp(join(tmpdir(), 'local-backend-test-'));
  const root = join(base, 'served');
  const outside = join(base, 'outside');
  await mkdir(root);
  await mkdir(outside);
  return {
    root,
    outside,
    backend: new LocalBackend({ name: 'local', path: root }),
    // As careful programs do it: the new file takes the old one's place.
    put: async (path, content) => {
      const target = join(root, path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(join(outside, 'new'), content);
      await rename(join(outside, 'new'), target);
    },
    [Symbol.asyncDispose]: () => rm(base, { recursive: true }),
  };
}

function canHold(path: string): boolean {
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

async function namesOf(backend: LocalBackend, prefix = '', delimiter?: '/'): Promise<string[]> {
  const pages = await Array.fromAsync(backend.list({ prefix, ...(delimiter === undefined ? {} : { delimiter }) }));
  return pages.flatMap(({ blobs, prefixes }) => [...blobs.map(({ path }) => path), ...prefixes]);
}

async function read(backend: LocalBackend, path: string, offset: number, length: number): Promise<string> {
  return Buffer.concat(await Array.fromAsync(backend.read(path, { offset, length }))).toString();
}

describe('LocalBackend', () => {
  const cases = backendConformance(async () => {
    const folder = await makeFolder();
    return {
      ...folder,
      canHold,
      delete: (path: string) => rm(join(folder.root, path)),
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  });
  for (const { name, run } of cases) it(name, run);

  it('lists as a store lists, whatever is in the folder', async () => {
    const part = fc.string({ unit: fc.constantFrom('a', 'b', '-', '.', '0', 'é', '🙂'), minLength: 1, maxLength: 3 });
    const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
    const prefix = fc.oneof(
      fc.constant(''),
      path,
      path.map((text) => `${text}/`),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(path, { maxLength: 12 }),
        prefix,
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        async (paths, start, pageSize, fold) => {
          await using folder = await makeFolder();
          const model = new MemoryBackend();
          for (const name of new Set(paths.filter(canHold))) {
            // A file system cannot hold a file and a folder of one name.
            const held = await folder.put(name, name).then(
              () => true,
              () => false,
            );
            if (held) model.put(name, name);
          }
          const options = { prefix: start, pageSize, ...(fold ? { delimiter: '/' as const } : {}) };
          const flatten = async (
            pages: AsyncIterable<{ blobs: readonly { path: string }[]; prefixes: readonly string[] }>,
          ): Promise<string[]> =>
            (await Array.fromAsync(pages)).flatMap((page) => [...page.blobs.map((blob) => blob.path), ...page.prefixes].sort());
          expect(await flatten(folder.backend.list(options))).toEqual(await flatten(model.list(options)));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('serves links to files inside, and ignores links that lead out, links to folders and what is no file', async () => {
    await using folder = await makeFolder();
    const { root, outside, backend } = folder;
    await folder.put('dir/real', 'inside');
    await writeFile(join(outside, 'secret'), 'outside');
    await symlink('dir/real', join(root, 'link'));
    await symlink(join(outside, 'secret'), join(root, 'out'));
    await symlink('../outside/secret', join(root, 'out-relative'));
    await symlink('dir', join(root, 'folder-link'));
    await symlink('..', join(root, 'dir', 'loop'));
    await symlink('nowhere', join(root, 'broken'));
    await symlink('self', join(root, 'self'));
    execFileSync('mkfifo', [join(root, 'pipe')]);
    await using server = createServer();
    await new Promise<void>((resolve) => server.listen(join(root, 'socket'), resolve));

    expect(await namesOf(backend)).toEqual(['dir/real', 'link']);
    expect(await read(backend, 'link', 0, 6)).toBe('inside');
    expect(await namesOf(backend, 'folder-link/')).toEqual([]);
    for (const path of [
      'out',
      'out-relative',
      'folder-link/real',
      'dir/loop/dir/real',
      'broken',
      'self',
      'pipe',
      'socket',
      '../outside/secret',
      'a\0b',
    ]) {
      await expect(backend.stat(path), path).rejects.toMatchObject({ code: 'BLOB_NOT_FOUND' });
      await expect(read(backend, path, 0, 1), path).rejects.toMatchObject({ code: 'BLOB_NOT_FOUND' });
    }
  });

  it('ignores names that are not UTF-8', async () => {
    await using folder = await makeFolder();
    await folder.put('good', 'x');
    const bad = Buffer.concat([Buffer.from(join(folder.root, 'bad')), Buffer.from([0xff])]);
    await writeFile(bad, 'x');
    expect(await namesOf(folder.backend)).toEqual(['good']);
    expect(await namesOf(folder.backend, '', '/')).toEqual(['good']);
  });

  it('does not show folders without files', async () => {
    await using folder = await makeFolder();
    await mkdir(join(folder.root, 'empty', 'deeper'), { recursive: true });
    await folder.put('full/a', 'a');
    expect(await namesOf(folder.backend, '', '/')).toEqual(['full/']);
  });

  it('fails a read during which the file changes, and never gives its last byte', async () => {
    const size = 3 * 1024 * 1024;
    const changes: Record<string, (path: string) => Promise<void>> = {
      appended: (path) => appendFile(path, 'more'),
      rewritten: (path) => writeFile(path, Buffer.alloc(size, 1)),
      truncated: (path) => truncate(path, 1000),
    };
    for (const [title, change] of Object.entries(changes)) {
      await using folder = await makeFolder();
      const path = join(folder.root, 'a');
      await writeFile(path, Buffer.alloc(size));
      // A time of its own: within one tick of the clock two changes look alike.
      await utimes(path, 1_000_000, 1_000_000);
      let bytes = 0;
      await expect(async () => {
        for await (const piece of folder.backend.read('a', { offset: 0, length: size })) {
          if (bytes === 0) await change(path);
          bytes += piece.length;
        }
      }, title).rejects.toMatchObject({ code: 'BLOB_CHANGED' });
      expect(bytes).toBeLessThan(size);
    }
  });

  it('reads a file to its end that is replaced meanwhile', async () => {
    await using folder = await makeFolder();
    const content = Buffer.alloc(1024 * 1024, 'old');
    await folder.put('a', content);
    const pieces: Uint8Array[] = [];
    for await (const piece of folder.backend.read('a', { offset: 0, length: content.length })) {
      if (pieces.length === 0) await folder.put('a', 'new');
      pieces.push(piece);
    }
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
  });

  it('says that the folder is missing, or is none', async () => {
    await using folder = await makeFolder();
    await folder.put('file', 'x');
    for (const path of [join(folder.root, 'missing'), join(folder.root, 'file')]) {
      const backend = new LocalBackend({ name: 'local', path });
      const expected = { code: 'BLOB_CONTAINER_NOT_FOUND', message: `local: there is no folder ${path}` };
      await expect(backend.stat('a')).rejects.toMatchObject(expected);
      await expect(namesOf(backend)).rejects.toMatchObject(expected);
      await expect(read(backend, 'a', 0, 1)).rejects.toMatchObject(expected);
    }
  });

  it('says that a file or folder may not be read', async () => {
    await using folder = await makeFolder();
    const { root, backend } = folder;
    await folder.put('open', 'x');
    await folder.put('closed', 'x');
    await folder.put('dir/a', 'x');
    await chmod(join(root, 'closed'), 0o000);
    await chmod(join(root, 'dir'), 0o000);
    await chmod(dirname(root), 0o755);
    await asOrdinaryUser(async () => {
      expect(await read(backend, 'open', 0, 1)).toBe('x');
      const expected = { code: 'BLOB_ACCESS_DENIED', kind: 'denied', message: expect.stringContaining(root) as string };
      await expect(read(backend, 'closed', 0, 1)).rejects.toMatchObject(expected);
      await expect(backend.stat('dir/a')).rejects.toMatchObject(expected);
      await expect(namesOf(backend)).rejects.toMatchObject(expected);
    });
    await chmod(join(root, 'dir'), 0o700);
  });
});

/** Modes do not stop root: it steps down for the time of `work`. */
async function asOrdinaryUser(work: () => Promise<void>): Promise<void> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.('nobody');
  try {
    await work();
  } finally {
    process.seteuid?.(0);
  }
}
