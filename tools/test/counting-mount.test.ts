import fc from 'fast-check';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fuseAvailability } from '@warpforge/fuse-fs';
import { describe, expect, it } from 'vitest';
import { CountingMount } from '../counting-mount/counting-mount.ts';
import { CoveredBytes } from '../counting-mount/covered-bytes.ts';

const run = promisify(execFile);

describe('covered bytes', () => {
  it('are those of a plain set', () => {
    const reads = fc.array(fc.tuple(fc.nat(60), fc.nat(20)), { maxLength: 30 });
    fc.assert(
      fc.property(reads, (drawn) => {
        const covered = new CoveredBytes();
        const model = new Set<number>();
        let served = 0;
        for (const [start, length] of drawn) {
          covered.add(start, start + length);
          served += length;
          for (let at = start; at < start + length; at++) model.add(at);
        }
        expect(covered.distinct).toBe(model.size);
        expect(covered.served).toBe(served);
      }),
    );
  });
});

describe.skipIf(!fuseAvailability().ok)('a counting mount', () => {
  it('counts every byte that is read, through each of its mount points', async () => {
    const [one, two] = [mkdtempSync(join(tmpdir(), 'counting-')), mkdtempSync(join(tmpdir(), 'counting-'))];
    const shape = {
      folders: [
        { name: 'small', files: 3, size: 1000 },
        { name: 'large', files: 1, size: 3_000_000 },
      ],
    };
    {
      await using mount = await CountingMount.start(shape, [{ path: one }, { path: two, fails: true }]);
      await run('cat', [join(one, 'small/file-000000.bin')]);
      await run('cat', [join(one, 'small/file-000000.bin')]);
      await run('head', ['--bytes=1000000', join(one, 'large/file-000000.bin')], { encoding: 'buffer', maxBuffer: 2_000_000 });
      await expect(run('cat', [join(two, 'small/file-000001.bin')])).rejects.toThrow('Input/output error');
      const counts = await mount.counts();
      expect(counts).toMatchObject({ files: 4, bytes: 3_003_000, opened: 2 });
      expect(counts.served - 2000).toBe(counts.distinct - 1000);
      expect(counts.missed).toEqual(['small/file-000001.bin', 'small/file-000002.bin', 'large/file-000000.bin']);
    }
    rmdirSync(one);
    rmdirSync(two);
  });
});
