import { expect, it } from 'vitest';
import { WorkerBeacons } from '../src/records/worker-beacons.ts';
import { MemoryRecords } from '../src/testing/testing.ts';

const signal = new AbortController().signal;

it('tells what workers said last', async () => {
  let now = Date.UTC(2026, 0, 1, 12);
  const store = new MemoryRecords('cwrecords', () => now);
  await store.create(signal);
  const beacons = new WorkerBeacons(store);
  expect(await beacons.list(signal)).toEqual([]);
  const since = new Date(now - 1234);
  await beacons.tell('vm_1', { state: 'busy', since }, signal);
  await beacons.tell('vm_2', { state: 'idle', since }, signal);
  now += 60_000;
  const idleSince = new Date(now - 5);
  await beacons.tell('vm_1', { state: 'idle', since: idleSince }, signal);
  expect(await beacons.list(signal)).toEqual([
    { worker: 'vm_1', state: 'idle', since: idleSince, seenAt: new Date(now) },
    { worker: 'vm_2', state: 'idle', since, seenAt: new Date(now - 60_000) },
  ]);
  await beacons.remove('vm_1', signal);
  await beacons.remove('vm_1', signal);
  expect((await beacons.list(signal)).map(({ worker }) => worker)).toEqual(['vm_2']);
});

it('takes any name, and never another record', async () => {
  const store = new MemoryRecords('cwrecords', Date.now);
  await store.create(signal);
  const beacons = new WorkerBeacons(store);
  for (const name of ['a/../b', '..', 'vm 1#ü', 'ok-1.x_Y']) await beacons.tell(name, { state: 'busy', since: new Date() }, signal);
  const names = ['_', 'a_.._b', 'ok-1.x_Y', 'vm_1__'];
  expect((await beacons.list(signal)).map(({ worker }) => worker)).toEqual(names);
  expect((await Array.fromAsync(store.list('', signal))).map(({ name }) => name)).toEqual(names.map((name) => `workers/${name}`));
  await store.write('workers/stranger', 'x', {}, signal);
  expect(await beacons.list(signal)).toHaveLength(names.length);
});
