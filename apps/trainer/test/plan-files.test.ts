import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PlanFiles } from '../src/data/plan-files.ts';
import { temporaryFolder } from './shards.ts';

/** A folder that takes plans, as the root of a mount does. */
async function makeMount(folder: string, ...roots: string[]): Promise<string> {
  await mkdir(join(folder, '.warpdrive'), { recursive: true });
  await writeFile(join(folder, '.warpdrive/plan'), 'an earlier plan that is longer than the new one\n'.repeat(9));
  for (const root of roots) await mkdir(join(folder, root), { recursive: true });
  return folder;
}

const planOf = (mount: string): Promise<string> => readFile(join(mount, '.warpdrive/plan'), 'utf8');

describe('the plan of a mount', () => {
  it('gets the shards of all roots below it, in the order of reading, relative to its root', async () => {
    await using folder = await temporaryFolder();
    const mount = await makeMount(join(folder.path, 'wd'), 'cac/train/deep', 'wus3/train');
    const [a, b] = [join(mount, 'cac/train'), join(mount, 'wus3/train')];
    const plans = await PlanFiles.find([a, b]);
    expect(await plans.write([join(b, '1.tar'), join(a, 'deep/0.tar'), join(b, '3.tar'), join(a, '2.tar')])).toEqual([]);
    expect(await planOf(mount)).toBe('wus3/train/1.tar\ncac/train/deep/0.tar\nwus3/train/3.tar\ncac/train/2.tar\n');
    expect(await plans.write([join(a, '2.tar')])).toEqual([]);
    expect(await planOf(mount)).toBe('cac/train/2.tar\n');
  });

  it('has only what lies below it, also when roots are given by another name or lie in no mount', async () => {
    await using folder = await temporaryFolder();
    const first = await makeMount(join(folder.path, 'first'), 'train');
    const second = await makeMount(join(folder.path, 'second'), 'train');
    const plain = join(folder.path, 'plain');
    const link = join(folder.path, 'link');
    await mkdir(plain);
    await symlink(join(second, 'train'), link);
    const roots = [join(first, 'train'), link, plain];
    const plans = await PlanFiles.find(roots);
    expect(await plans.write(roots.map((root) => join(root, '0.tar')))).toEqual([]);
    expect(await planOf(first)).toBe('train/0.tar\n');
    expect(await planOf(second)).toBe('train/0.tar\n');
  });

  it('is neither created nor read, and leaves out names that no line can hold', async () => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, 'none/train');
    await mkdir(join(folder.path, 'none/.warpdrive'), { recursive: true });
    await mkdir(root);
    expect(await (await PlanFiles.find([root])).write([join(root, '0.tar')])).toEqual([]);
    await expect(planOf(join(folder.path, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
    const mount = await makeMount(join(folder.path, 'wd'), 'train');
    const plans = await PlanFiles.find([join(mount, 'train')]);
    await plans.write([join(mount, 'train/a\nb.tar'), join(mount, 'train/c.tar')]);
    expect(await planOf(mount)).toBe('train/c.tar\n');
  });

  it('that cannot be written is told, and the others are written', async () => {
    await using folder = await temporaryFolder();
    const broken = await makeMount(join(folder.path, 'broken'), 'train');
    const good = await makeMount(join(folder.path, 'good'), 'train');
    const roots = [join(broken, 'train'), join(good, 'train')];
    const plans = await PlanFiles.find(roots);
    // As a mount that went away.
    await rm(join(broken, '.warpdrive'), { recursive: true });
    const failures = await plans.write(roots.map((root) => join(root, '0.tar')));
    expect(failures.map(({ message }) => message)).toEqual([
      expect.stringContaining(`the order of reading could not be written to "${join(broken, '.warpdrive/plan')}": ENOENT`) as string,
    ]);
    expect(await planOf(good)).toBe('train/0.tar\n');
  });
});
