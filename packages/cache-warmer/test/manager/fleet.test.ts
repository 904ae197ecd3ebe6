import { beforeEach, describe, expect, it } from 'vitest';
import { WorkerBeacons, type Launcher } from '../../src/index.ts';
import { Fleet } from '../../src/manager/fleet.ts';
import { MemoryRecords } from '../../src/testing/testing.ts';

const signal = new AbortController().signal;
const LIMITS = { maxWorkers: 5, itemsPerWorker: 4, idleSeconds: 60 };

/** Machines that come at once, as many as there is capacity for, and can be taken away. */
class Machines implements Launcher {
  capacity = Infinity;
  readonly live = new Set<string>();
  #made = 0;

  instances() {
    return Promise.resolve([...this.live].map((name) => ({ name, startedAt: new Date(0) })));
  }

  start(count: number): Promise<void> {
    for (let started = 0; started < count && this.live.size < this.capacity; started++) this.live.add(`vm-${++this.#made}`);
    return Promise.resolve();
  }

  stop(names: readonly string[]): Promise<void> {
    for (const name of names) this.live.delete(name);
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

describe('a fleet', () => {
  let now: number;
  let machines: Machines;
  let beacons: WorkerBeacons;
  let fleet: Fleet;

  beforeEach(async () => {
    now = Date.UTC(2026, 0, 1);
    machines = new Machines();
    const records = new MemoryRecords('records', () => now);
    await records.create(signal);
    beacons = new WorkerBeacons(records);
    const clock = { now: () => now, sleep: () => Promise.resolve() };
    fleet = new Fleet({ launcher: machines, beacons, limits: LIMITS, clock, onEvent: () => undefined });
  });

  const after = (seconds: number): void => {
    now += seconds * 1000;
  };

  it.each([
    [0, 0],
    [1, 1],
    [4, 1],
    [5, 2],
    [20, 5],
    [10_000, 5],
  ])('for %i items has %i workers', async (items, workers) => {
    await fleet.adjust(items, signal);
    expect(machines.live.size).toBe(workers);
  });

  it('is refilled when machines are evicted, all of them too', async () => {
    await fleet.adjust(100, signal);
    machines.live.clear();
    await fleet.adjust(100, signal);
    expect(machines.live.size).toBe(5);
  });

  it('asks again when there was no capacity', async () => {
    machines.capacity = 2;
    await fleet.adjust(100, signal);
    expect(machines.live.size).toBe(2);
    machines.capacity = Infinity;
    await fleet.adjust(100, signal);
    expect(machines.live.size).toBe(5);
  });

  it('goes to none only after the idle time without work', async () => {
    await fleet.adjust(100, signal);
    await fleet.adjust(0, signal);
    after(59);
    await fleet.adjust(0, signal);
    expect(machines.live.size).toBe(5);
    after(1);
    await fleet.adjust(0, signal);
    expect(machines.live.size).toBe(0);
  });

  it('loses the workers that are idle, by name, and none that works', async () => {
    await fleet.adjust(100, signal);
    const [busy, ...idle] = [...machines.live];
    await beacons.tell(busy ?? '', { state: 'busy', since: new Date(now) }, signal);
    for (const name of idle.slice(0, 2)) await beacons.tell(name, { state: 'idle', since: new Date(now) }, signal);
    after(61);
    await fleet.adjust(1, signal);
    expect([...machines.live]).toEqual([busy, ...idle.slice(2)]);
    expect((await beacons.list(signal)).map(({ worker }) => worker)).toEqual([busy]);
  });

  it('keeps workers that were idle before the work came', async () => {
    await fleet.adjust(20, signal);
    for (const name of machines.live) await beacons.tell(name, { state: 'idle', since: new Date(now) }, signal);
    after(30);
    await fleet.adjust(0, signal);
    after(50);
    await fleet.adjust(1, signal);
    expect(machines.live.size).toBe(5);
  });

  it('tells what the machines have cost', async () => {
    await fleet.adjust(20, signal);
    await fleet.adjust(20, signal);
    after(10);
    expect(await fleet.adjust(20, signal)).toEqual({ live: 5, instanceSeconds: 50 });
  });

  it('can be ended at once', async () => {
    await fleet.adjust(20, signal);
    await fleet.end(signal);
    expect(machines.live.size).toBe(0);
  });
});
