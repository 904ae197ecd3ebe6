import { startAzurite } from '@warpforge/blob-backend/testing';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

describe('README', () => {
  it('has an example that warms', async () => {
    const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    await using azurite = await startAzurite({ accounts: [{ name: 'readme' }], queues: true });
    const env = { ...process.env, AZURE_STORAGE_CONNECTION_STRING: azurite.accounts[0]?.connectionString };
    // Evaluated in the package's folder, its name resolves to its source.
    const flags = ['--conditions=@warpforge/source', '--input-type=module-typescript', '--eval', example];
    const { stdout } = await run(process.execPath, flags, { cwd: root, env });
    expect(stdout).toMatch(/^\/share\/doc through file:\/\/\/usr: warm\n {2}read {5}\d+ files/);
  });

  it('names errors and their codes as they are', () => {
    for (const file of [
      'src/errors.ts',
      'src/storage-error.ts',
      'src/job/errors.ts',
      'src/walk/walk-error.ts',
      'src/manager/job-error.ts',
    ]) {
      const source = readFileSync(join(root, file), 'utf8');
      for (const [, code = ''] of source.matchAll(/'([A-Z]+_[A-Z_]+)'/g)) {
        const isNamed =
          readme.includes(`\`${code}\``) || (code.startsWith('RECORD_') && readme.includes('RECORD_…')) || code === 'MOUNT_FAILED';
        expect({ code, isNamed }).toEqual({ code, isNamed: true });
      }
    }
  });
});
