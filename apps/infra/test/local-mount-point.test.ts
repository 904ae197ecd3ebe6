import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMountPoint } from '../src/local-mount-point.ts';

describe('the mount point of run --here', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'warpforge-mount-point-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is there for as long as it is used, with the folders above it', async () => {
    const made = await openMountPoint(join(folder, 'a/b/c'));
    expect(existsSync(join(folder, 'a/b/c'))).toBe(true);
    await made[Symbol.asyncDispose]();
    expect(existsSync(join(folder, 'a'))).toBe(false);
    expect(existsSync(folder)).toBe(true);
  });

  it('stays where it was there before, or something has come into it', async () => {
    mkdirSync(join(folder, 'before'));
    await (await openMountPoint(join(folder, 'before')))[Symbol.asyncDispose]();
    expect(existsSync(join(folder, 'before'))).toBe(true);
    const made = await openMountPoint(join(folder, 'a/b'));
    writeFileSync(join(folder, 'a/kept'), '');
    await made[Symbol.asyncDispose]();
    expect([existsSync(join(folder, 'a/kept')), existsSync(join(folder, 'a/b'))]).toEqual([true, false]);
  });

  it('says what to do where it may not be made', async () => {
    // Nobody makes folders there, not even root.
    const path = '/sys/mount-point';
    await expect(openMountPoint(path)).rejects.toMatchObject({
      code: 'NOT_DONE',
      message: expect.stringContaining(`or make it: sudo install -d -o "$USER" ${path}`) as string,
    });
  });

  it('leaves to the daemon what is no folder', async () => {
    writeFileSync(join(folder, 'file'), '');
    await (await openMountPoint(join(folder, 'file')))[Symbol.asyncDispose]();
    expect(existsSync(join(folder, 'file'))).toBe(true);
  });
});
