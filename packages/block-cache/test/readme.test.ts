import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { channels } from '../src/index.ts';
import { openCache, temporaryFolder } from './harness.ts';

const packageFolder = join(import.meta.dirname, '..');
const readme = readFileSync(join(packageFolder, 'README.md'), 'utf8');

describe('the README', () => {
  it('names every error code, and no other', () => {
    const source = readFileSync(join(packageFolder, 'src/errors.ts'), 'utf8');
    const codes = new Set([...source.matchAll(/'(CACHE_[A-Z]+)'/g)].map(([, code]) => code));
    const documented = new Set([...readme.matchAll(/`(CACHE_[A-Z]+)`/g)].map(([, code]) => code));
    expect(documented).toEqual(codes);
  });

  it('names every event and everything that is counted', async () => {
    for (const channel of Object.values(channels)) expect(readme).toContain(`\`${String(channel.name)}\``);
    const cache = await openCache(temporaryFolder());
    for (const name of Object.keys(cache.stats())) expect(readme).toContain(`\`${name}\``);
  });

  it('names every source file', () => {
    const files = [...readme.matchAll(/[a-z-]+\.ts/g)].map(([name]) => name);
    for (const file of files) expect(existsSync(join(packageFolder, 'src', file)), file).toBe(true);
  });

  it('has an example that runs', () => {
    const [, example = ''] = /```js\n([^]*?)```/.exec(readme) ?? [];
    const code = example.replace('/tmp/example-cache', join(temporaryFolder(), 'cache'));
    const output = execFileSync(process.execPath, ['--conditions=@warpforge/source', '--input-type=module', '--eval', code], {
      cwd: packageFolder,
      encoding: 'utf8',
    });
    expect(output).toContain('"name": "@warpforge/block-cache"');
    expect(output).toContain('1 complete []');
    expect(output).toMatch(/^true \{$/m);
  });
});
