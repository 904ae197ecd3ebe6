import { describe, expect, it } from 'vitest';
import { Allocations } from '../stress/tar/allocations.ts';
import { check, read } from '../stress/tar/check.ts';
import { corpus } from '../stress/tar/corpus.ts';
import { type Accepted, fuzz } from '../stress/tar/fuzz.ts';
import { judge } from '../stress/tar/python-judge.ts';
import { Random } from '../stress/tar/random.ts';

describe('the fuzzer of the tar reader', () => {
  it('finds nothing wrong with thousands of broken archives, which reach every way out', async () => {
    const accepted: Accepted[] = [];
    const { tally, failure } = await fuzz({ seed: 20, first: 0, end: 5000 }, { onAccepted: (one) => accepted.push(one) });
    expect(failure).toBeUndefined();
    expect(tally.accepted).toBeGreaterThan(1000);
    expect(tally.harmless).toBeGreaterThan(200);
    expect(tally.refused['WDS_BAD_HEADER']).toBeGreaterThan(1000);
    expect(tally.refused['WDS_TRUNCATED']).toBeGreaterThan(400);
    expect(tally.refused['WDS_UNSUPPORTED']).toBeGreaterThan(30);
    expect(await judge(accepted)).toBeUndefined();
  });

  it('makes the same archives of the same numbers', async () => {
    const names = async (): Promise<string[]> => {
      const done: string[] = [];
      await fuzz({ seed: 3, first: 700, end: 800 }, { onAccepted: ({ mutant }) => done.push(mutant.done.join('; ')) });
      return done;
    };
    expect(await names()).toEqual(await names());
  });

  it('starts from archives that are sound', async () => {
    for (const { name, bytes } of corpus()) expect((await read(bytes)).error, name).toBeUndefined();
  });

  it('notices members that are not those of the archive, and a buffer that is too large', async () => {
    const [archive] = corpus();
    const mutant = { bytes: archive.bytes, done: [], isHarmless: true };
    using allocations = new Allocations();
    const original = await read(archive.bytes);
    await check(mutant, original, new Random(1), allocations);
    await expect(check(mutant, { ...original, members: original.members.slice(1) }, new Random(1), allocations)).rejects.toThrow(
      'other members',
    );
    Buffer.alloc(100_000);
    expect(allocations.takeLargest()).toBe(100_000);
    expect(allocations.takeLargest()).toBe(0);
  });
});
