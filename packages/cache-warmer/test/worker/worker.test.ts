import { appendFile, mkdir, rm, utimes } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QueueError, RecordError } from '../../src/errors.ts';
import type { CacheWarmerEvent } from '../../src/events.ts';
import { WorkerBeacons } from '../../src/records/worker-beacons.ts';
import { eventually, never, Rig } from './rig.ts';

const KIB64 = 64 * 1024;
/** The first read comes at once, and the next one long after the test. */
const STALLING = { bytesPerSecond: 1, concurrency: 1 };

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.make(2);
});
afterEach(() => rig[Symbol.asyncDispose]());

describe('an item that can be read', () => {
  it('is recorded with all its files, spread over the addresses, and its message is deleted', async () => {
    await rig.send({ files: [await rig.file('a', 100_000), await rig.file('sub/b', 0), await rig.file('c', 7)] });
    rig.start();
    await rig.untilEmpty();
    expect(await rig.done(0)).toEqual({
      files: 3,
      bytes: 100_007,
      seconds: 0,
      worker: 'worker-1',
      addresses: [
        { files: 2, bytes: 100_007 },
        { files: 1, bytes: 0 },
      ],
      failed: [],
    });
    expect(rig.of('bytes-read').map(({ address, ...amount }) => [address === `file://${rig.addresses[0]}`, amount])).toEqual([
      [true, { kind: 'bytes-read', files: 2, bytes: 100_007 }],
      [false, { kind: 'bytes-read', files: 1, bytes: 0 }],
    ]);
    expect(rig.of('item-done')).toEqual([{ kind: 'item-done', job: 'job-1', item: 0, files: 3, bytes: 100_007 }]);
  });

  it('begins with another address when its number is another', async () => {
    const files = [await rig.file('a', 1)];
    await rig.send({ files });
    await rig.send({ files });
    rig.start();
    await rig.untilEmpty();
    expect((await rig.done(1))?.addresses).toEqual([
      { files: 0, bytes: 0 },
      { files: 1, bytes: 1 },
    ]);
  });

  it('is read through its only address where it has one', async () => {
    await rig.send({ files: [await rig.file('a', 5)], address: 1 });
    await rig.send({ files: [await rig.file('b', 5)], address: 1 });
    await rm(rig.path('b', 1));
    rig.start();
    await rig.untilEmpty();
    expect((await rig.done(0))?.addresses[1]).toEqual({ files: 1, bytes: 5 });
    expect((await rig.done(1))?.failed).toEqual([{ path: 'b', reason: 'it is not there any more' }]);
  });

  it('is a range, which counts as a file only where it is the first', async () => {
    const files = [await rig.file('a', 300_000)];
    await rig.send({ files, range: { start: 0, end: 100_000 } });
    await rig.send({ files, range: { start: 100_000, end: 300_000 } });
    rig.start();
    await rig.untilEmpty();
    expect(await rig.done(0)).toMatchObject({ files: 1, bytes: 100_000 });
    expect(await rig.done(1)).toMatchObject({ files: 0, bytes: 200_000 });
  });

  it('is not read when it has a record already', async () => {
    await rig.send({ files: [await rig.file('a', 1)] });
    await rig.storage.records.write('done/job-1/000000000', '', {}, never);
    rig.start();
    await rig.untilEmpty();
    expect(rig.of('item-started')).toEqual([]);
  });
});

describe('files that cannot be read', () => {
  it('are read through another address, and only there count as read', async () => {
    await rig.send({ files: [await rig.file('a', 10), await rig.file('b', 20)] });
    await rm(rig.path('a', 0));
    rig.start();
    await rig.untilEmpty();
    expect((await rig.done(0))?.addresses).toEqual([
      { files: 0, bytes: 0 },
      { files: 2, bytes: 30 },
    ]);
    expect(rig.of('file-retried')).toEqual([
      {
        kind: 'file-retried',
        path: 'a',
        address: `file://${rig.addresses[1]}`,
        reason: `through file://${rig.addresses[0]}: it is not there any more`,
      },
    ]);
  });

  it('are each tried through all addresses, whatever failed before', async () => {
    await rig.send({ files: [await rig.file('a', 10), await rig.file('b', 20), await rig.file('c', 30)] });
    await rm(rig.path('a', 0));
    await rm(rig.path('b', 1));
    await rm(rig.path('c', 0));
    rig.start();
    await rig.untilEmpty();
    expect(await rig.done(0)).toMatchObject({
      failed: [],
      addresses: [
        { files: 1, bytes: 20 },
        { files: 2, bytes: 40 },
      ],
    });
  });

  it('are recorded at once when they have changed, are gone, or are directories', async () => {
    const names = ['longer', 'newer', 'gone', 'directory', 'good'];
    const files = await Promise.all(names.map((name) => rig.file(name, 10)));
    for (const address of [0, 1]) {
      await appendFile(rig.path('longer', address), 'x');
      await utimes(rig.path('newer', address), 1, 1);
      await rm(rig.path('gone', address));
      await rm(rig.path('directory', address));
      await mkdir(rig.path('directory', address));
    }
    await rig.send({ files });
    rig.start();
    await rig.untilEmpty();
    expect(await rig.done(0)).toMatchObject({
      files: 1,
      bytes: 10,
      failed: [
        { path: 'longer', reason: 'it has changed since it was listed: it had 10 bytes and has 11' },
        {
          path: 'newer',
          reason: 'it has changed since it was listed: it was of 2026-01-01T12:00:00.250Z and is of 1970-01-01T00:00:01.000Z',
        },
        { path: 'gone', reason: 'it is not there any more' },
        { path: 'directory', reason: 'it is a directory now' },
      ],
    });
  });

  it('are tried again later, five times in all, and then make the message poison', async () => {
    const files = [await rig.file('a', 10), await rig.file('b', 20)];
    // A name that is too long for the system is neither changed nor gone.
    await rig.send({ files: [files[0]!, { ...files[1]!, path: 'x'.repeat(300) }] });
    rig.start();
    for (const [attempt, seconds] of [5, 10, 20, 40].entries()) {
      await rig.until('item-handed-back', attempt + 1);
      const again = { failures: attempt + 1, todo: [1], done: 0, offset: 0, failed: [], read: [{ files: 1, bytes: 10 }] };
      expect(rig.stored.at(-1)).toMatchObject({ leaseSeconds: seconds, message: again });
      rig.clock.pass(seconds * 1000);
      rig.clock.pass(5000);
    }
    await rig.untilEmpty();
    // Stored before the record is written, so that a crash repeats these steps only.
    expect(rig.stored.at(-1)).toMatchObject({ leaseSeconds: 60, message: { failures: 5, todo: [1], done: 0 } });
    const failed = await rig.failed(0);
    expect(failed).toMatchObject({ files: 1, bytes: 10, failed: [{ path: 'x'.repeat(300) }] });
    expect(failed?.failed[0]?.reason).toMatch(/ENAMETOOLONG/);
    expect(await rig.done(0)).toBeUndefined();
    const [poison] = await rig.poison();
    expect(poison).toMatchObject({ worker: 'worker-1', reason: expect.stringMatching(/ENAMETOOLONG/) as string });
    expect(JSON.parse(poison!.message)).toMatchObject({ item: 0, failures: 5 });
    expect(rig.of('item-failed').map(({ failures }) => failures)).toEqual([1, 2, 3, 4, 5]);
  });

  it('are tried again later together with those that will never be readable', async () => {
    const files = [await rig.file('a', 10), { ...(await rig.file('b', 20)), path: 'x'.repeat(300) }];
    await rm(rig.path('a', 0));
    await rm(rig.path('a', 1));
    await rig.send({ files });
    rig.start();
    await rig.until('item-handed-back');
    rig.clock.pass(5000);
    expect(await rig.waiting()).toMatchObject([{ failures: 1, todo: [0, 1] }]);
  });
});

describe('attempts that fail as a whole', () => {
  it('are counted when the job or the page is missing', async () => {
    await rig.send({ files: [await rig.file('a', 10)] });
    rig.hasJob = false;
    rig.start();
    await rig.until('item-handed-back');
    expect(rig.of('item-failed')).toMatchObject([{ failures: 1, reason: 'there is no job job-1' }]);
    rig.hasJob = true;
    rig.hasPage = false;
    rig.clock.pass(5000);
    await rig.until('item-handed-back', 2);
    expect(rig.of('item-failed')[1]).toMatchObject({ failures: 2, reason: 'there is no page 0' });
    rig.hasPage = true;
    rig.clock.pass(10_000);
    await rig.untilEmpty();
    expect(await rig.done(0)).toMatchObject({ files: 1 });
  });

  it('are counted when nothing can be mounted, which is tried once for all files', async () => {
    await rig.send({ files: [await rig.file('a', 10), await rig.file('b', 10)] });
    let tries = 0;
    rig.mounter = {
      mount: () => {
        tries += 1;
        return Promise.reject(new Error('no such host'));
      },
    };
    rig.start();
    await rig.until('item-handed-back');
    expect(tries).toBe(2);
    expect(rig.of('item-failed')).toMatchObject([{ failures: 1, reason: 'a: no such host (and 1 more files)' }]);
  });

  it('are not counted when the records cannot be reached', async () => {
    await rig.send({ files: [await rig.file('a', 10)] });
    const { records } = rig.storage;
    const exists = records.exists.bind(records);
    records.exists = () => Promise.reject(new RecordError('RECORD_FAILED', 'down'));
    rig.start();
    await rig.until('item-handed-back');
    records.exists = exists;
    rig.clock.pass(5000);
    await rig.untilEmpty();
    expect(rig.of('item-failed')).toEqual([]);
    expect(await rig.done(0)).toMatchObject({ files: 1 });
  });
});

describe('messages that are given up', () => {
  it('are those that are none', async () => {
    await rig.storage.work.send('nonsense', never);
    rig.start();
    await rig.untilEmpty();
    expect(await rig.poison()).toMatchObject([{ message: 'nonsense', reason: expect.stringMatching(/not JSON/) as string }]);
    expect(rig.of('message-poisoned')).toHaveLength(1);
  });

  it('are those that failed five times, of which nothing is read', async () => {
    await rig.send(
      { files: [await rig.file('a', 10), await rig.file('b', 10)] },
      { failures: 5, todo: [1], read: [{ files: 1, bytes: 10 }] },
    );
    rig.start();
    await rig.untilEmpty();
    expect(rig.of('item-started')).toEqual([]);
    expect(await rig.failed(0)).toMatchObject({
      files: 1,
      bytes: 10,
      failed: [{ path: 'b', reason: 'it could not be read in 5 attempts' }],
    });
    expect(await rig.poison()).toHaveLength(1);
  });

  it('are those that were taken too often; what was read of the file under way does not count', async () => {
    const files = [await rig.file('a', 10), await rig.file('b', 10)];
    await rig.send(
      { files },
      {
        done: 1,
        offset: 4,
        through: 1,
        read: [
          { files: 1, bytes: 10 },
          { files: 0, bytes: 4 },
        ],
      },
    );
    for (let taken = 0; taken < 50; taken++) {
      await rig.storage.work.receive(1, 1, never);
      rig.clock.pass(1000);
    }
    rig.start();
    await rig.untilEmpty();
    expect(await rig.failed(0)).toMatchObject({
      files: 1,
      bytes: 10,
      failed: [{ path: 'b', reason: 'it was taken 50 times without an end' }],
    });
  });
});

describe('a lease', () => {
  it('is renewed at a third of its time with the position, from which the next worker continues', async () => {
    await rig.send({ files: [await rig.file('a', 10), await rig.file('b', 3 * KIB64)] });
    const first = rig.start(STALLING);
    await eventually(() => expect(rig.clock.waits).toContain(20_000));
    // At a byte a second the first file is read at once, and the second one ten seconds later.
    await rig.untilStored({ done: 1, offset: 0 });
    expect(rig.stored.at(-1)?.message).toMatchObject({ failures: 0, failed: [], read: [{ files: 1, bytes: 10 }] });
    // Long after the lease that was given with the message.
    expect(await rig.waiting()).toEqual([]);

    const { work } = rig.storage;
    const update = work.update.bind(work);
    work.update = () => Promise.reject(new QueueError('QUEUE_FAILED', 'the network is down'));
    await eventually(() => {
      rig.clock.pass(20_000);
      expect(rig.of('lease-lost')).toHaveLength(1);
    });
    expect(rig.of('trouble').map(({ error }) => error)).toContainEqual(new QueueError('QUEUE_FAILED', 'the network is down'));
    work.update = update;
    await first.stop();
    expect(await rig.waiting()).toMatchObject([{ failures: 0, done: 1, read: [{ files: 1, bytes: 10 }] }]);
    // What was read before is not looked at again.
    await rm(rig.path('a', 0));
    await rm(rig.path('a', 1));
    rig.start({ name: 'worker-2' });
    await rig.until('item-done');
    expect(await rig.done(0)).toMatchObject({ files: 2, bytes: 10 + 3 * KIB64, worker: 'worker-2', failed: [] });
  });

  it('that is handed back at a stop has the exact position, is no failure, and is taken on without reading twice', async () => {
    await rig.send({ files: [await rig.file('a', 3 * KIB64)] });
    const first = rig.start(STALLING);
    await rig.untilStored({ done: 0, offset: KIB64 });
    expect(await first.stop()).toEqual({ reason: 'stopped' });
    expect(await rig.waiting()).toMatchObject([
      { failures: 0, done: 0, offset: KIB64, through: 0, failed: [], read: [{ files: 0, bytes: KIB64 }] },
    ]);
    expect(rig.of('item-handed-back')).toMatchObject([{ why: 'the worker is to stop' }]);
    expect(rig.of('trouble')).toEqual([]);
    rig.start();
    await rig.untilEmpty();
    expect((await rig.done(0))?.addresses).toEqual([{ files: 1, bytes: 3 * KIB64 }]);
  });

  it('whose position is of an address that is gone begins the file anew through another', async () => {
    const file = await rig.file('a', 3 * KIB64);
    await rig.send({ files: [file] }, { offset: KIB64, through: 0, read: [{ files: 0, bytes: KIB64 }] });
    await rm(rig.path('a', 0));
    rig.start();
    await rig.untilEmpty();
    expect((await rig.done(0))?.addresses).toEqual([
      { files: 0, bytes: 0 },
      { files: 1, bytes: 3 * KIB64 },
    ]);
  });

  it('whose position is of an address that cannot be mounted any more begins the file anew through another', async () => {
    const file = await rig.file('a', 3 * KIB64);
    await rig.send({ files: [file] }, { offset: KIB64, through: 0, read: [{ files: 0, bytes: KIB64 }] });
    await rm(rig.addresses[0]!, { recursive: true });
    rig.start();
    await rig.untilEmpty();
    expect((await rig.done(0))?.addresses).toEqual([
      { files: 0, bytes: 0 },
      { files: 1, bytes: 3 * KIB64 },
    ]);
  });

  it('that is lost ends the reading; nothing is recorded, and other work goes on', async () => {
    // Minutes of reading, but each read waits for a quarter of a second only.
    await rig.send({ files: [await rig.file('a', 1000 * KIB64)] });
    rig.start({ bytesPerSecond: 4 * KIB64, concurrency: 1 });
    await rig.until('item-started');
    // As if the machine had slept for a minute: another worker has the message, and none of it is seen here.
    await eventually(() => expect(rig.clock.waits).toContain(20_000));
    const { work } = rig.storage;
    const update = work.update.bind(work);
    work.update = () => Promise.reject(new QueueError('QUEUE_LEASE_LOST', 'too late'));
    rig.clock.pass(20_000);
    expect(await rig.until('lease-lost')).toEqual([{ kind: 'lease-lost', job: 'job-1', item: 0 }]);
    work.update = update;
    await rig.send({ files: [await rig.file('b', 1)] });
    await eventually(async () => {
      rig.clock.pass(100);
      expect(await rig.done(1)).toMatchObject({ files: 1 });
    });
    expect(await rig.done(0)).toBeUndefined();
    expect(rig.of('item-handed-back')).toEqual([]);
  });
});

describe('the end', () => {
  it('comes with a notice that the machine is taken away', async () => {
    await rig.send({ files: [await rig.file('a', 3 * KIB64)] });
    const notice = new AbortController();
    const worker = rig.start({ ...STALLING, preemption: notice.signal });
    await rig.untilStored({ done: 0, offset: KIB64 });
    notice.abort(new Error('Preempt of worker-1'));
    expect(await worker.end).toEqual({ reason: 'preempted' });
    expect(rig.of('preempted')).toEqual([{ kind: 'preempted', why: 'Preempt of worker-1' }]);
    expect(await rig.waiting()).toMatchObject([{ offset: KIB64 }]);
  });

  it('comes when it was idle for long enough', async () => {
    let doneAt = 0;
    const onEvent = ({ kind }: CacheWarmerEvent): void => {
      if (kind === 'item-done') doneAt = rig.clock.now();
    };
    const worker = rig.start({ idleExitSeconds: 30, onEvent });
    const pass = async (seconds: number): Promise<void> => {
      for (let passed = 0; passed < seconds; passed += 5) {
        await eventually(() => expect(rig.clock.waits.some((wait) => wait <= 5000)).toBe(true));
        rig.clock.pass(5000);
      }
    };
    await pass(20);
    await rig.send({ files: [await rig.file('a', 1)] });
    await pass(5);
    await eventually(() => expect(doneAt).toBeGreaterThan(0));
    await pass(25);
    await eventually(async () => {
      rig.clock.pass(1000);
      expect(await Promise.race([worker.end, Promise.resolve('works')])).not.toBe('works');
    });
    expect(await worker.end).toEqual({ reason: 'idle' });
    expect(rig.clock.now() - doneAt).toBeGreaterThanOrEqual(30_000);
  });

  it('unmounts in reverse order and takes the beacon away', async () => {
    const unmounted: string[] = [];
    const { mounter } = rig;
    rig.mounter = {
      mount: async (source, signal) => {
        const { path } = await mounter.mount(source, signal);
        return { path, [Symbol.asyncDispose]: () => Promise.resolve(void unmounted.push(path)) };
      },
    };
    const beacons = new WorkerBeacons(rig.storage.records);
    await rig.send({ files: [await rig.file('a', 1)] });
    await rig.send({ files: [await rig.file('b', 1)] });
    const worker = rig.start({ concurrency: 1 });
    await rig.untilEmpty();
    await eventually(async () => expect(await beacons.list(never)).toMatchObject([{ worker: 'worker-1', state: 'idle' }]));
    await worker.stop();
    expect(unmounted).toEqual([rig.addresses[1], rig.addresses[0]]);
    expect(await beacons.list(never)).toEqual([]);
  });

  it('tells its state at a change and every 20 seconds', async () => {
    const beacons = new WorkerBeacons(rig.storage.records);
    const seenAt = async () => (await beacons.list(never))[0];
    rig.start({ ...STALLING, leaseSeconds: 600 });
    await eventually(async () => expect(await seenAt()).toMatchObject({ state: 'idle' }));
    await rig.send({ files: [await rig.file('a', 3 * KIB64)] });
    rig.clock.pass(100);
    await eventually(async () => expect(await seenAt()).toMatchObject({ state: 'busy' }));
    const before = (await seenAt())?.seenAt.getTime();
    rig.clock.pass(20_000);
    await eventually(async () => expect((await seenAt())?.seenAt.getTime()).toBeGreaterThanOrEqual(before! + 20_000));
  });
});
