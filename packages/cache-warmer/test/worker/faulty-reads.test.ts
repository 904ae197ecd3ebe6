import { mkdir, rm, utimes } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { brokenDisk, mountFaulty, whyNot, type ReadFile } from './faulty-mount.ts';
import { Rig } from './rig.ts';

const KIB64 = 64 * 1024;
const SIZE = 4 * KIB64;
const MODIFIED = new Date(Date.UTC(2026, 0, 1));

let rig: Rig;
let session: Awaited<ReturnType<typeof mountFaulty>>;
const read: { file: ReadFile } = { file: () => Promise.reject(brokenDisk()) };

describe.skipIf(whyNot !== undefined)(`a mount that fails${whyNot === undefined ? '' : ` (skipped: ${whyNot})`}`, () => {
  beforeEach(async () => {
    rig = await Rig.make(2);
    await rig.file('a', SIZE);
    await utimes(rig.path('a', 1), MODIFIED, MODIFIED);
    const [broken] = rig.addresses;
    await rm(broken!, { recursive: true });
    await mkdir(broken!);
    session = await mountFaulty(broken!, SIZE, (offset, length) => read.file(offset, length));
  });
  afterEach(async () => {
    await Promise.all(rig.workers.map((worker) => worker.stop()));
    await session.unmount();
    await rig[Symbol.asyncDispose]();
  });

  const item = { files: [{ path: 'a', size: SIZE, mtimeMs: MODIFIED.getTime() }] };
  const zeros = (offset: number, length: number): Uint8Array => new Uint8Array(Math.min(length, SIZE - offset));

  it('with EIO in the middle of a file is left for another, and what it gave does not count', async () => {
    read.file = (offset, length) => (offset >= 2 * KIB64 ? Promise.reject(brokenDisk()) : Promise.resolve(zeros(offset, length)));
    await rig.send(item);
    rig.start();
    await rig.untilEmpty();
    expect((await rig.done(0))?.addresses).toEqual([
      { files: 0, bytes: 0 },
      { files: 1, bytes: SIZE },
    ]);
    expect(rig.of('file-retried')).toMatchObject([{ path: 'a', reason: expect.stringMatching(/EIO/) as string }]);
  });

  it('with a file that ends early is left for another', async () => {
    read.file = (offset, length) => Promise.resolve(offset >= 3 * KIB64 ? new Uint8Array(0) : zeros(offset, length));
    await rig.send(item);
    rig.start();
    await rig.untilEmpty();
    expect((await rig.done(0))?.addresses[1]).toEqual({ files: 1, bytes: SIZE });
    expect(rig.of('file-retried')[0]?.reason).toMatch(/it ended after \d+ bytes, and should have at least 262144$/);
  });

  it('with a read that hangs stops neither renewals, nor the hand-back, nor the end', async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<undefined>();
    read.file = async (offset, length) => {
      if (offset >= KIB64) await released;
      return zeros(offset, length);
    };
    await rig.send({ ...item, address: 0 });
    const worker = rig.start();
    await rig.untilStored({ done: 0, offset: KIB64 });
    await worker.stop();
    expect(await rig.waiting()).toMatchObject([{ failures: 0, done: 0, offset: KIB64, through: 0 }]);
    expect(rig.of('trouble').map(({ what }) => what)).toEqual(['a thread that reads files is replaced', '1 threads hang in a read']);
    release(undefined);
    rig.start();
    await rig.untilEmpty();
    expect((await rig.done(0))?.addresses).toEqual([{ files: 1, bytes: SIZE }]);
  });
});
