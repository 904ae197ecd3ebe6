import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { cloudInit, CUSTOM_DATA_LIMIT_BYTES } from '../../src/machine/cloud-init.ts';
import { setupScript } from '../../src/machine/vm-setup.ts';
import { itWith } from './fixtures/availability.ts';

const setup = { mountPoint: '/wd', cachePath: '/mnt/nvme/warpdrive-cache', version: '0.1.0' };
const folder = mkdtempSync(join(tmpdir(), 'warpforge-cloud-init-'));
afterAll(() => rmSync(folder, { recursive: true }));

function schema(userData: string) {
  const file = join(folder, 'user-data');
  writeFileSync(file, userData);
  return spawnSync('cloud-init', ['schema', '--config-file', file], { encoding: 'utf8' });
}

describe('cloudInit', () => {
  itWith(['cloud-init'], "passes cloud-init's own schema", () => {
    const { status, stdout, stderr } = schema(cloudInit(setup));
    expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: expect.stringMatching(/^Valid/) as string });
    expect(schema(cloudInit(setup).replace('package_update: true', 'package_update: 3')).stdout).not.toMatch(/^Valid/);
  });

  it('carries the very script that also runs over SSH', () => {
    const data = parse(cloudInit(setup)) as { write_files: { content: string; path: string }[]; runcmd: string[][] };
    expect(data.write_files.map(({ content }) => content)).toEqual([setupScript(setup)]);
    expect(data.runcmd).toEqual([[data.write_files[0]?.path]]);
  });

  it('is user data that Azure takes: with its first line, under the limit, the same each time', () => {
    const userData = cloudInit(setup);
    expect(userData.startsWith('#cloud-config\n')).toBe(true);
    expect(Buffer.from(userData).toString('base64').length).toBeLessThan(CUSTOM_DATA_LIMIT_BYTES / 2);
    expect(cloudInit({ ...setup })).toBe(userData);
  });
});
