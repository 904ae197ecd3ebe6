import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMounter } from '../../src/mount/open-mounter.ts';
import { MountPool } from '../../src/mount/mount-pool.ts';
import { Reader } from '../../src/worker/reader.ts';
import { mountFaulty, whyNot } from './faulty-mount.ts';
import { never } from './rig.ts';

const SIZE = 64 * 1024;
const MODIFIED_MS = Date.UTC(2026, 0, 1);

let mountPoint: string;
let session: { unmount(): Promise<void> };
/** Lets the server answer. */
let release: () => void;
/** Resolves when the server is asked for something that it does not answer. */
let asked: Promise<undefined>;

describe.skipIf(whyNot !== undefined)(`a server that does not answer${whyNot === undefined ? '' : ` (skipped: ${whyNot})`}`, () => {
  beforeEach(async () => {
    const gate = Promise.withResolvers<undefined>();
    const question = Promise.withResolvers<undefined>();
    [release, asked] = [() => gate.resolve(undefined), question.promise];
    const hang = async (): Promise<void> => {
      question.resolve(undefined);
      await gate.promise;
    };
    mountPoint = await mkdtemp(join(tmpdir(), 'hanging-'));
    session = await mountFaulty(
      mountPoint,
      SIZE,
      async (_, length) => {
        await hang();
        return new Uint8Array(length);
      },
      hang,
    );
  });
  afterEach(async () => {
    release();
    await session.unmount();
    await rm(mountPoint, { recursive: true });
  });

  it('does not keep the mounts from being closed while one looks at its directory', async () => {
    const pool = new MountPool(openMounter(), () => undefined);
    const path = pool.path({ kind: 'directory', path: join(mountPoint, 'hangs') }, never);
    path.catch(() => undefined);
    await asked;
    await pool[Symbol.asyncDispose]();
    await expect(path).rejects.toThrow('the mounts are closed');
  });

  it('takes nothing of the bandwidth any more when its reader was given up', async () => {
    const shared = new SharedArrayBuffer(4);
    const busy = new Int32Array(shared);
    const reader = new Reader({ busy: shared, readSize: SIZE, bytesPerSecond: undefined });
    const abort = new AbortController();
    const file = { path: join(mountPoint, 'data/a'), size: SIZE, mtimeMs: MODIFIED_MS, start: 0, end: SIZE };
    const read = reader.read({ files: [file] }, abort.signal);
    await asked;
    expect(Atomics.load(busy, 0)).toBe(1);
    abort.abort();
    expect(await read).toEqual({ file: 0, offset: 0 });
    expect(reader.isStuck).toBe(true);
    expect(Atomics.load(busy, 0)).toBe(0);
    release();
    await reader[Symbol.asyncDispose]();
  });
});
