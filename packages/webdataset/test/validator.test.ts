import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExpectedFields } from '../src/cli/validate/expected-fields.ts';
import type { Fault } from '../src/cli/validate/fault.ts';
import { FieldChecker } from '../src/cli/validate/field-checker.ts';
import { KeyRegistry } from '../src/cli/validate/key-registry.ts';
import { Lookahead } from '../src/cli/validate/lookahead.ts';
import { Validator } from '../src/cli/validate/validator.ts';
import { writeShards } from './command.ts';
import { collect, temporaryFolder } from './support.ts';

async function validate(shard: string, fields: FieldChecker): Promise<Fault[]> {
  const validator = new Validator([shard], fields, undefined);
  const faults = await collect(validator.validateShard(0, new AbortController().signal, () => undefined));
  return [...faults, ...validator.finish()];
}

describe('Validator', () => {
  it('finds damage, or nothing, in shards with changed bytes, and never fails by itself', async () => {
    await using folder = await temporaryFolder();
    const samples = Array.from({ length: 6 }, (_, index) => ({
      __key__: `k${index}`,
      cls: index,
      json: { index },
      msgpack: { index },
      npy: { shape: [3], data: Float32Array.of(1, 2, 3) },
      txt: 'x'.repeat(600),
    }));
    const [shard] = await writeShards(samples, { directory: folder.path, index: false });
    const sound = await readFile(shard!);
    await using fields = await FieldChecker.create(0);
    expect(await validate(shard!, fields)).toEqual([]);
    const damaged = join(folder.path, 'damaged.tar');
    const change = fc.record({ at: fc.nat({ max: sound.length - 1 }), bytes: fc.uint8Array({ minLength: 1, maxLength: 600 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 4 }), fc.option(fc.nat({ max: sound.length })), async (changes, end) => {
        const bytes = Buffer.from(sound);
        for (const { at, bytes: other } of changes) bytes.set(other.subarray(0, bytes.length - at), at);
        await writeFile(damaged, bytes.subarray(0, end ?? undefined));
        const faults = await validate(damaged, fields);
        for (const { code, message } of faults) expect(`${code} ${message}`).toMatch(/^WDS_[A-Z_]+ [^\n]+$/);
        if (end !== null && end < sound.length - 512) expect(faults).not.toEqual([]);
      }),
      { numRuns: 300, seed: 6 },
    );
  });
});

describe('the parts of a validation', () => {
  it('judges by the first 1000 samples, and looks at all', () => {
    const expected = new ExpectedFields(undefined);
    const sample = (index: number, fields: string[]) => ({ shard: 's', offset: 0, key: String(index), fields });
    const faults = Array.from({ length: 1500 }, (_, index) => [
      ...expected.check(sample(index, index === 1 || index === 1400 ? ['jpg'] : ['jpg', 'cls'])),
    ]).flat();
    expect([...faults, ...expected.finish()].map(({ key }) => key)).toEqual(['1', '1400']);
  });

  it('remembers where each key was', () => {
    const keys = new KeyRegistry();
    expect([keys.add('a', 0), keys.add('b', 0), keys.add('a', 3), keys.add('a', 4)]).toEqual([undefined, undefined, 0, 0]);
  });

  it('keeps results in order, and within its limits of work and bytes', async () => {
    const ahead = new Lookahead<number>();
    const slow = Promise.withResolvers<number>();
    ahead.push(slow.promise, 1);
    for (let index = 1; index < 600; index++) ahead.push(Promise.resolve(index), 1);
    setImmediate(() => slow.resolve(0));
    const overdue = await collect(ahead.takeOverdue());
    expect(overdue).toEqual(Array.from({ length: 88 }, (_, index) => index));
    ahead.push(Promise.resolve(600), 100 * 1024 * 1024);
    expect((await collect(ahead.takeOverdue())).at(-1)).toBe(599);
    expect(await collect(ahead.takeAll())).toEqual([600]);
  });
});
