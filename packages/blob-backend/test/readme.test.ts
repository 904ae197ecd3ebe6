import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

describe('README', () => {
  it('lists every error code, and no other', () => {
    const source = readFileSync(join(root, 'src/errors.ts'), 'utf8');
    const codes = (text: string): string[] => [...new Set(text.match(/BLOB_[A-Z_]+/g))].sort();
    expect(codes(readme)).toEqual(codes(source));
  });

  it('has an example that runs', () => {
    const example = /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    // Evaluated in the package's folder, its name resolves to its source.
    const flags = ['--conditions=@warpforge/source', '--input-type=module', '--eval', example];
    const output = execFileSync(process.execPath, flags, { cwd: root, encoding: 'utf8' });
    expect(output).toContain('README.md');
    expect(output).toContain('"name": "@warpforge/blob-backend"');
  });
});
