import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const COMMITTED = join(ROOT, 'docs/api/webdataset');

/** The text of all pages below a folder, by path. */
async function pagesIn(folder: string): Promise<Map<string, string>> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.md')).sort();
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const)));
}

it('the API reference of webdataset is what its source says, without a warning', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'api-reference-'));
  try {
    const typedoc = join(ROOT, 'node_modules/typedoc/bin/typedoc');
    const args = [typedoc, '--options', join(ROOT, 'packages/webdataset/typedoc.json'), '--out', folder, '--logLevel', 'Warn'];
    // Warnings are errors by its options.
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env: { ...process.env, NO_COLOR: '1' } });
    expect(stdout + stderr).toBe('');
    const [generated, committed] = await Promise.all([pagesIn(folder), pagesIn(COMMITTED)]);
    const outdated = [...new Set([...generated.keys(), ...committed.keys()])].filter((name) => generated.get(name) !== committed.get(name));
    expect(generated.size).toBeGreaterThan(100);
    expect(outdated, 'run `npm run docs:api` and commit the result').toEqual([]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
