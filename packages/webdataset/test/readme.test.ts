import { execFileSync } from 'node:child_process';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from './support.ts';

const packageRoot = join(import.meta.dirname, '..');
const readme = await readFile(join(packageRoot, 'README.md'), 'utf8');

describe('README.md', () => {
  it('has examples that run, one after the other, as they stand', async () => {
    await using folder = await temporaryFolder();
    await symlink(join(packageRoot, '../../node_modules'), join(folder.path, 'node_modules'));
    await writeFile(join(folder.path, 'package.json'), '{"type":"module"}');
    const examples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!);
    const outputs: string[] = [];
    for (const [index, code] of examples.entries()) {
      const file = join(folder.path, `example-${index}.ts`);
      await writeFile(file, code);
      outputs.push(execFileSync(process.execPath, ['--conditions=@warpforge/source', file], { cwd: folder.path }).toString());
    }
    const [write, load, read, skipped] = outputs.map((output) => output.trim().split('\n'));
    expect(write).toHaveLength(3);
    expect(write![0]).toMatch(/^data\/train\/shard-000000\.tar 20 \d+$/);
    expect(load).toHaveLength(2 * 4);
    expect(load![0]).toMatch(/^0 16 12288 \d \d{8}$/);
    expect(read).toHaveLength(50);
    expect(read![49]).toBe("data/train/shard-000002.tar 00000049 [ 'cls', 'jpg' ] 9");
    expect(skipped).toEqual(['']);
  });

  it('lists every error code, and no other', async () => {
    const source = await readFile(join(packageRoot, 'src/errors.ts'), 'utf8');
    const codes = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, code]) => code!).sort();
    const declared = codes(source, /^ {2}\| '(WDS_\w+)'/gm);
    expect(declared.length).toBeGreaterThan(10);
    expect(codes(readme, /^\| `(WDS_\w+)`/gm)).toEqual(declared);
    expect(codes(source, /^ \* - `(WDS_\w+)`/gm)).toEqual(declared);
  });
});
