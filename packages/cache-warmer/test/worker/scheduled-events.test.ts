import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CacheWarmerEvent } from '../../src/events.ts';
import { FakeImds } from '../../src/testing/fake-imds.ts';
import { ScheduledEvents } from '../../src/worker/scheduled-events.ts';
import { ManualClock } from './manual-clock.ts';
import { eventually } from './rig.ts';

let clock: ManualClock;
let imds: FakeImds;
let events: CacheWarmerEvent[];
let watch: ScheduledEvents;

beforeEach(async () => {
  clock = new ManualClock();
  events = [];
  imds = await FakeImds.start('vm-1');
  watch = new ScheduledEvents({ base: imds.base, clock, onEvent: (event) => events.push(event) });
});
afterEach(async () => {
  await watch[Symbol.asyncDispose]();
  await imds[Symbol.asyncDispose]();
});

/** Lets the watch ask once more, and tells how long it sleeps then. */
async function poll(): Promise<number> {
  await eventually(() => expect(clock.waits).toHaveLength(1));
  const [wait] = clock.waits;
  clock.pass(wait!);
  return wait!;
}

describe('ScheduledEvents', () => {
  it('asks once a second and never acknowledges', async () => {
    expect([await poll(), await poll()]).toEqual([1000, 1000]);
    await eventually(() => expect(imds.requests.length).toBeGreaterThanOrEqual(4));
    const [name, ...polls] = imds.requests;
    expect(name).toBe('GET /metadata/instance/compute/name?api-version=2021-02-01&format=text');
    expect(new Set(polls)).toEqual(new Set(['GET /metadata/scheduledevents?api-version=2020-07-01']));
  });

  it.each(['Preempt', 'Terminate'])('gives notice of a %s of this machine', async (type) => {
    await poll();
    imds.schedule(type, ['vm-2', 'vm-1']);
    await eventually(() => {
      clock.pass(1000);
      expect(watch.notice.aborted).toBe(true);
    });
    expect((watch.notice.reason as Error).message).toBe(`${type} of vm-1, not before Mon, 19 Sep 2026 18:29:47 GMT`);
  });

  it('takes no notice of other machines and other events', async () => {
    imds.preempt('vm-10');
    imds.schedule('Reboot', ['vm-1']);
    for (let polls = 0; polls < 3; polls++) await poll();
    expect(watch.notice.aborted).toBe(false);
  });

  it('goes on asking once a second after an outage where the service is known to be', async () => {
    await poll();
    imds.failWith = 503;
    for (let polls = 0; polls < 12; polls++) expect(await poll()).toBe(1000);
    expect(events).toHaveLength(1);
    imds.failWith = undefined;
    imds.preempt('vm-1');
    await eventually(() => {
      clock.pass(1000);
      expect(watch.notice.aborted).toBe(true);
    });
  });

  it('asks seldom where there is no such service, and notices when it comes', async () => {
    imds.failWith = 500;
    await eventually(async () => expect(await poll()).toBe(60_000));
    expect(events).toMatchObject([{ kind: 'trouble', what: 'scheduled events are not known here' }]);
    imds.failWith = undefined;
    imds.preempt('vm-1');
    await eventually(() => {
      clock.pass(60_000);
      expect(watch.notice.aborted).toBe(true);
    });
  });
});
