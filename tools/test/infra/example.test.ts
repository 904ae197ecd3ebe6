import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBlobStorage, textAt, TYPES, Workplace, type BlobStorage } from './workplace.ts';

const EXAMPLE = fileURLToPath(new URL('../../../packages/azure-infra/examples/own-environment.ts', import.meta.url));

let storage: BlobStorage;
beforeAll(async () => {
  storage = await startBlobStorage();
});
afterAll(() => storage[Symbol.asyncDispose]());

describe('the example of an environment of one’s own', () => {
  it('shows what would be done, does it, and has nothing to do then', async () => {
    await using place = await Workplace.open(storage);
    const example = async (...args: readonly string[]): Promise<string[]> => {
      await using program = place.startNode(['--conditions=@warpforge/source', EXAMPLE, ...args]);
      const { code, stdout, stderr } = await program.end;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return stdout.trimEnd().split('\n');
    };
    const planned = await example();
    expect(planned.map((line) => line.split(' ', 2).join(' '))).toEqual([
      `create ${TYPES.group}`,
      `create ${TYPES.account}`,
      `create ${TYPES.container}`,
      `create ${TYPES.role}`,
    ]);
    expect(place.writes()).toEqual([]);
    expect(place.names()).toEqual([]);

    const applied = await example('--apply');
    expect(applied.slice(0, 4)).toEqual(planned);
    expect(applied).toContain('checkpoints-rg: Succeeded');
    expect(applied.at(-1)).toBe('done');
    expect(textAt(place.only(TYPES.account), 'tags', 'owner')).toBe('the vision team');
    expect(place.rights()).toHaveLength(1);

    const before = place.manager.log.length;
    const again = await example('--apply');
    expect(again).toHaveLength(4);
    for (const line of again) expect(line).toMatch(/^no change /);
    expect(place.writes(before)).toEqual([]);
  });
});
