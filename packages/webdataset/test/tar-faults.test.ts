import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WebDatasetError } from '../src/errors.ts';
import { readTar } from '../src/tar/reader.ts';
import { MIN_WINDOW_BYTES, TarScanner } from '../src/tar/scanner.ts';
import { encodeMember, END_OF_ARCHIVE } from '../src/tar/writer.ts';
import { collect, python, temporaryFolder } from './support.ts';

/** An archive with short and long names, empty and padded data. */
function sampleArchive(): { bytes: Buffer; names: string[]; ends: number[] } {
  const files = [
    { name: 'a.jpg', data: Buffer.alloc(700, 'a') },
    { name: 'a.cls', data: Buffer.from('3') },
    { name: `${'ü'.repeat(80)}.jpg`, data: Buffer.alloc(512, 'b') },
    { name: 'empty.txt', data: Buffer.alloc(0) },
    { name: `${'n'.repeat(150)}.cls`, data: Buffer.alloc(100, 'c') },
  ];
  const members = files.map((file) => Buffer.concat(encodeMember(file)));
  const ends = members.map((_, index) => Buffer.concat(members.slice(0, index + 1)).length);
  return { bytes: Buffer.concat([...members, END_OF_ARCHIVE]), names: files.map(({ name }) => name), ends };
}

/** The names read, and the error that ended it. */
function scan(bytes: Buffer): { names: string[]; error: unknown } {
  const scanner = new TarScanner('shard.tar', bytes.length);
  const names: string[] = [];
  try {
    for (const { member } of scanner.scan(bytes)) names.push(member.name);
    expect(scanner.ended).toBe(true);
    return { names, error: undefined };
  } catch (error) {
    return { names, error };
  }
}

/** Makes a header's checksum right again, so that a mutation reaches what lies behind it. */
function fixChecksum(bytes: Buffer, at: number): void {
  bytes.fill(' ', at + 148, at + 156);
  const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
}

describe('a damaged archive', () => {
  it('cut off anywhere gives the members before the cut, and WDS_TRUNCATED with shard and offset', () => {
    const { bytes, names, ends } = sampleArchive();
    // One block of zeros is enough of an end.
    for (let length = 0; length < bytes.length - 512; length++) {
      const result = scan(bytes.subarray(0, length));
      expect(result.error, `cut at ${length}`).toMatchObject({ code: 'WDS_TRUNCATED', shard: 'shard.tar' });
      const whole = names.filter((_, index) => {
        const padding = index === 0 ? 324 : index === 1 ? 511 : index === 4 ? 412 : 0;
        return ends[index]! - padding <= length;
      });
      expect(result.names).toEqual(whole);
      if (length > 0) expect((result.error as WebDatasetError).offset).toBeLessThanOrEqual(length);
    }
  });

  it('says that it is empty, cut off, or was never closed', () => {
    const { bytes } = sampleArchive();
    expect(scan(Buffer.alloc(0)).error).toMatchObject({ message: expect.stringContaining('the file is empty') as string });
    expect(scan(bytes.subarray(0, 1000)).error).toMatchObject({
      message: expect.stringContaining('"a.jpg" needs 212 more bytes') as string,
    });
    expect(scan(bytes.subarray(0, bytes.length - 1024)).error).toMatchObject({
      message: expect.stringContaining('without the end-of-archive marker') as string,
    });
  });

  it('with garbage for a header is WDS_BAD_HEADER with its offset, not a silent end', () => {
    const { bytes, ends } = sampleArchive();
    bytes.fill(0xa5, ends[0], ends[0]! + 100);
    expect(scan(bytes)).toEqual({
      names: ['a.jpg'],
      error: expect.objectContaining({
        code: 'WDS_BAD_HEADER',
        offset: ends[0],
        message: expect.stringContaining('no tar header') as string,
      }) as unknown,
    });
    expect(scan(Buffer.alloc(5000, 'not a tar'))).toMatchObject({ error: { code: 'WDS_BAD_HEADER', offset: 0 } });
  });

  it('with a hole of zeros is WDS_BAD_HEADER, not a silent end', () => {
    const { bytes, ends } = sampleArchive();
    bytes.fill(0, ends[0], ends[1]);
    expect(scan(bytes)).toMatchObject({
      names: ['a.jpg'],
      error: { code: 'WDS_BAD_HEADER', message: expect.stringContaining('hole') as string },
    });
  });

  it.each([
    ['gzip', gzipSync(sampleArchive().bytes)],
    ['zstd', zstdCompressSync(sampleArchive().bytes)],
    ['bzip2', python(`import base64, bz2, json, sys; print(json.dumps(base64.b64encode(bz2.compress(bytes(5000))).decode()))`, null)],
    ['xz', python(`import base64, lzma, json, sys; print(json.dumps(base64.b64encode(lzma.compress(bytes(5000))).decode()))`, null)],
  ])('that is compressed with %s is refused by name', (kind, bytes) => {
    const compressed = typeof bytes === 'string' ? Buffer.from(bytes, 'base64') : (bytes as Buffer);
    expect(scan(compressed)).toMatchObject({ error: { code: 'WDS_UNSUPPORTED', message: expect.stringContaining(kind) as string } });
  });

  it('is not taken for compressed because of the name of its first member', async () => {
    const bytes = Buffer.concat([...encodeMember({ name: 'BZhang.jpg', data: Buffer.from('x') }), END_OF_ARCHIVE]);
    expect((await collect(readTar(bytes))).map(({ member }) => member.name)).toEqual(['BZhang.jpg']);
  });

  it.each(['gnu', 'posix'])('with sparse members (%s) is refused', async (format) => {
    await using folder = await temporaryFolder();
    execFileSync('sh', ['-c', `truncate -s 10M hole && tar --format=${format} --sparse -cf x.tar hole`], { cwd: folder.path });
    await expect(collect(readTar(join(folder.path, 'x.tar')))).rejects.toMatchObject({
      code: 'WDS_UNSUPPORTED',
      offset: format === 'gnu' ? 0 : 1024,
    });
  });

  it('with extended headers that claim gigabytes, or never end, is refused without reading them', () => {
    const huge = Buffer.concat(encodeMember({ name: 'x', data: Buffer.alloc(0) }));
    huge[156] = 'x'.charCodeAt(0);
    huge.write('77777777777', 124, 'latin1');
    fixChecksum(huge, 0);
    const scanner = new TarScanner('shard.tar', 2 ** 40);
    expect(() => [...scanner.scan(Buffer.concat([huge, Buffer.alloc(MIN_WINDOW_BYTES)]))]).toThrow(
      expect.objectContaining({ code: 'WDS_BAD_HEADER', offset: 0 }),
    );
    const empty = Buffer.concat(encodeMember({ name: 'x', data: Buffer.alloc(0) }));
    empty[156] = 'L'.charCodeAt(0);
    fixChecksum(empty, 0);
    const endless = Buffer.concat(Array.from({ length: 4000 }, () => empty));
    expect(scan(endless)).toMatchObject({ names: [], error: { code: 'WDS_BAD_HEADER' } });
  });

  it('that cannot be opened, or is a folder, is WDS_READ with the cause', async () => {
    await using folder = await temporaryFolder();
    await expect(collect(readTar(join(folder.path, 'none.tar')))).rejects.toMatchObject({
      code: 'WDS_READ',
      shard: join(folder.path, 'none.tar'),
      cause: { code: 'ENOENT' },
    });
    await expect(collect(readTar(folder.path))).rejects.toMatchObject({ code: 'WDS_READ' });
  });

  it('leaves no file open after an error or a break', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'x.tar');
    const { bytes } = sampleArchive();
    await writeFile(path, bytes.subarray(0, 3000));
    const openFiles = (): number => Number(execFileSync('sh', ['-c', `ls -l /proc/${process.pid}/fd | grep -c x.tar || true`]));
    await expect(collect(readTar(path))).rejects.toBeInstanceOf(WebDatasetError);
    for await (const { member } of readTar(path)) {
      expect(member.name).toBe('a.jpg');
      break;
    }
    expect(openFiles()).toBe(0);
  });

  it('ends with the signal when it is aborted', async () => {
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    await expect(collect(readTar(sampleArchive().bytes, { signal: controller.signal }))).rejects.toThrow('enough');
  });
});

describe('mutated archives', () => {
  const mutation = fc.oneof(
    fc.record({ kind: fc.constant('byte' as const), at: fc.nat(), value: fc.nat(255) }),
    fc.record({ kind: fc.constant('field' as const), block: fc.nat(), at: fc.integer({ min: 100, max: 344 }), value: fc.nat(255) }),
    fc.record({
      kind: fc.constant('size' as const),
      block: fc.nat(),
      size: fc.constantFrom(
        '00000000000',
        '00000000777',
        '77777777777',
        '-0000000001',
        '0000000000x',
        '\x80\0\0\0\0\0\0\0\0\0\x02\x01',
        '\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff',
      ),
    }),
    fc.record({ kind: fc.constant('type' as const), block: fc.nat(), type: fc.constantFrom(...Buffer.from('\x000123456789xgLKSXMDVN')) }),
    fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
    fc.record({ kind: fc.constant('swap' as const), from: fc.nat(), to: fc.nat() }),
    fc.record({ kind: fc.constant('zero' as const), block: fc.nat() }),
  );

  type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never;

  function mutate(original: Buffer, mutations: readonly Mutation[]): Buffer {
    let bytes = Buffer.from(original);
    for (const change of mutations) {
      const blockCount = Math.floor(bytes.length / 512);
      if (blockCount === 0) break;
      const block = 'block' in change ? (change.block % blockCount) * 512 : 0;
      switch (change.kind) {
        case 'byte':
          bytes[change.at % bytes.length] = change.value;
          break;
        case 'field':
          bytes[block + change.at] = change.value;
          fixChecksum(bytes, block);
          break;
        case 'size':
          bytes.write(change.size.padEnd(12, '\0'), block + 124, 'latin1');
          fixChecksum(bytes, block);
          break;
        case 'type':
          bytes[block + 156] = change.type;
          fixChecksum(bytes, block);
          break;
        case 'cut':
          bytes = bytes.subarray(0, change.at % bytes.length);
          break;
        case 'swap':
          bytes.copy(bytes, (change.to % blockCount) * 512, (change.from % blockCount) * 512, (change.from % blockCount) * 512 + 512);
          break;
        case 'zero':
          bytes.fill(0, block, block + 512);
      }
    }
    return bytes;
  }

  it('give right views or a typed error, whatever was changed', () => {
    const { bytes } = sampleArchive();
    let accepted = 0;
    const refused = new Map<string, number>();
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
        const mutant = mutate(bytes, mutations);
        const scanner = new TarScanner('shard.tar', mutant.length);
        let last = -1;
        try {
          for (const { member, data } of scanner.scan(mutant)) {
            // Plain comparisons: 50,000 runs of `expect` would take most of the suite's time.
            const isRight = member.offset > last && data?.length === member.size && member.offset + member.size <= mutant.length;
            if (!isRight) throw new Error(`wrong member ${JSON.stringify(member)}`);
            last = member.offset;
          }
          if (!scanner.ended) throw new Error('the scan stopped before the end');
          accepted++;
        } catch (error) {
          if (!(error instanceof WebDatasetError) || error.shard !== 'shard.tar' || error.offset === undefined) throw error;
          refused.set(error.code, (refused.get(error.code) ?? 0) + 1);
        }
      }),
      { numRuns: 50_000 },
    );
    // The mutations reach all of it.
    expect(accepted).toBeGreaterThan(1000);
    for (const code of ['WDS_BAD_HEADER', 'WDS_TRUNCATED', 'WDS_UNSUPPORTED']) expect(refused.get(code), code).toBeGreaterThan(100);
  });

  it("that are accepted have the members that Python's tarfile sees", () => {
    const { bytes } = sampleArchive();
    const mutants = fc
      .sample(fc.array(mutation, { minLength: 1, maxLength: 2 }), { numRuns: 4000, seed: 11 })
      // A name twice, by GNU and by PAX: nothing says which one counts.
      .filter((mutations) => !mutations.some((change) => change.kind === 'type' && change.type === 0x4c))
      .map((mutations) => mutate(bytes, mutations));
    // Bytes that are no UTF-8 become other characters in Python; here only what is ASCII is compared.
    const comparable = (files: readonly (readonly (string | undefined)[])[]): unknown =>
      files.map(([name, data]) => [/^[ -~]*$/.test(name!) && name, data]);
    const accepted = mutants.flatMap((mutant) => {
      const scanner = new TarScanner('shard.tar', mutant.length);
      try {
        const files = [...scanner.scan(mutant)].filter(({ member }) => member.type === 'file');
        return [{ archive: mutant.toString('base64'), ours: files.map(({ member, data }) => [member.name, data?.toString('hex')]) }];
      } catch {
        return [];
      }
    });
    const program = `import base64, io, json, sys, tarfile
def listing(archive):
    files = []
    try:
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(archive)), mode='r:') as tar:
            for m in tar:
                if m.isreg(): files.append([m.name, tar.extractfile(m).read().hex()])
    except tarfile.TarError:
        pass
    return files
json.dump([listing(archive) for archive in json.load(sys.stdin)], sys.stdout)`;
    const theirs = python(
      program,
      accepted.map(({ archive }) => archive),
    ) as string[][][];
    expect(accepted.length).toBeGreaterThan(300);
    let equal = 0;
    for (const [index, { ours }] of accepted.entries()) {
      // Python stops, as a rule silently, at a header whose mode, owner or time is no number; these do not matter to a sample.
      expect(comparable(theirs[index]!), `mutant ${index}`).toEqual(comparable(ours.slice(0, theirs[index]!.length)));
      if (theirs[index]!.length === ours.length) equal++;
    }
    expect(equal / accepted.length).toBeGreaterThan(0.8);
  });
});
