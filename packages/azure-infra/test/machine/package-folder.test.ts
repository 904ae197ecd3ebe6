import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { localPackages } from '../../src/machine/package-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'warpforge-packages-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('localPackages', () => {
  it('names a release by what is in the tarballs', async () => {
    writeFileSync(join(folder, 'b.tgz'), 'b');
    writeFileSync(join(folder, 'a.tgz'), 'a');
    writeFileSync(join(folder, 'README.md'), 'no package');
    const first = await localPackages(folder);
    expect(first.files).toEqual([join(folder, 'a.tgz'), join(folder, 'b.tgz')]);
    expect(first.release).toMatch(/^packages-[0-9a-f]{12}$/);
    writeFileSync(join(folder, 'README.md'), 'changed');
    expect(await localPackages(folder)).toEqual(first);
    writeFileSync(join(folder, 'b.tgz'), 'changed');
    expect((await localPackages(folder)).release).not.toBe(first.release);
  });

  it('says how to make packages where there are none', async () => {
    mkdirSync(join(folder, 'empty'));
    await expect(localPackages(join(folder, 'empty'))).rejects.toThrow(
      /no \.tgz file in .*empty: make them in the repository with "npm run build && npm pack/,
    );
    await expect(localPackages(join(folder, 'missing'))).rejects.toMatchObject({ code: 'MACHINE_OPTION_INVALID' });
  });
});
