import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from './support.ts';

const packageRoot = join(import.meta.dirname, '..');
const readme = await readFile(join(packageRoot, 'README.md'), 'utf8');

/** The code blocks: programs (`ts`), and modules that programs load (`js`, with the file name in the first line). */
const blocks = [...readme.matchAll(/```(ts|js)\n(.*?)```/gs)].map(([, language, code]) => ({
  code: code!,
  moduleName: language === 'js' ? /^\/\/ (\S+\.js)\n/.exec(code!)![1]! : undefined,
}));

describe('README.md', () => {
  it('has examples that run, one after the other, as they stand', async () => {
    await using folder = await temporaryFolder();
    await symlink(join(packageRoot, '../../node_modules'), join(folder.path, 'node_modules'));
    await writeFile(join(folder.path, 'package.json'), '{"type":"module"}');
    for (const { code, moduleName } of blocks) if (moduleName !== undefined) await writeFile(join(folder.path, moduleName), code);
    const outputs: string[][] = [];
    for (const [index, { code }] of blocks.filter(({ moduleName }) => moduleName === undefined).entries()) {
      const file = join(folder.path, `example-${index}.ts`);
      await writeFile(file, code);
      const env = { ...process.env, XDG_CACHE_HOME: join(folder.path, 'cache') };
      const output = execFileSync(process.execPath, ['--conditions=@warpforge/source', file], { cwd: folder.path, env });
      outputs.push(output.toString().trim().split('\n'));
    }
    const [write, read, load, resume, ranks, skipped, custom, random, synthetic] = outputs;
    expect(write).toHaveLength(3);
    expect(write![0]).toMatch(/^data\/train\/shard-000000\.tar 20 \d+$/);
    expect(read).toHaveLength(40 / 8);
    expect(read![0]).toMatch(/^\d{8} [0-3]( [0-3]){7} 16x16$/);
    expect(load).toHaveLength(2 * 4);
    expect(load![0]).toMatch(/^0 16 6912 \d \d{8}$/);
    expect(resume).toEqual([String(50 - 16)]);
    expect(ranks).toEqual(['0 25 25', '1 25 25']);
    expect(skipped).toEqual(['']);
    expect(custom).toEqual(['00000000: {"index":0 00000001: {"index":1']);
    expect(random).toEqual(['20 10 cls jpg json 0']);
    expect(synthetic).toEqual(['data/synthetic/shard-000000.tar 10', 'data/synthetic/shard-000001.tar 10']);
    expect(outputs).toHaveLength(9);

    await mkdir(join(folder.path, 'photos'));
    await rename(join(folder.path, 'caption-decoder.js'), join(folder.path, 'photos/caption.js'));
    const [, commands] = /```sh\n(npx webdataset ls .*?)```/s.exec(readme)!;
    const lines = commands!.trim().split('\n');
    expect(lines).toHaveLength(7);
    const command = `"${process.execPath}" "${join(packageRoot, 'bin/webdataset.mjs')}"`;
    const printed = lines.map((line) =>
      execFileSync('sh', ['-c', line.replace('npx webdataset', command)], { cwd: folder.path, stdio: 'pipe' }).toString(),
    );
    expect(printed[0]!.trim().split('\n')).toHaveLength(50);
    expect((await readFile(join(folder.path, '7.jpg'))).subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
    expect(await readdir(join(folder.path, 'parts'))).toEqual(['train', 'val']);
    expect(await readdir(join(folder.path, 'data/photos'))).toEqual(['shard-000000.idx', 'shard-000000.tar']);
  });

  it('says of every error code what the source says', async () => {
    const source = await readFile(join(packageRoot, 'src/errors.ts'), 'utf8');
    const meanings = (text: string, pattern: RegExp): unknown =>
      Object.fromEntries([...text.matchAll(pattern)].map(([, code, meaning]) => [code, meaning!.trim()]));
    const documented = meanings(source, /^ \* - `(WDS_\w+)`: (.*)\.$/gm);
    const declared = [...source.matchAll(/^ {2}\| '(WDS_\w+)'/gm)].map(([, code]) => code!);
    expect(declared.length).toBeGreaterThan(10);
    expect(Object.keys(documented as object)).toEqual(declared);
    expect(meanings(readme, /^\| `(WDS_\w+)` *\|(.*)\|$/gm)).toEqual(documented);
  });
});
