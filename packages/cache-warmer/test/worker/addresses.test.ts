import { beforeEach, describe, expect, it } from 'vitest';
import { MountPool } from '../../src/mount/mount-pool.ts';
import type { Mount, MountSource } from '../../src/mount/mounter.ts';
import { Addresses } from '../../src/worker/addresses.ts';
import { ManualClock } from './manual-clock.ts';
import { eventually, never } from './rig.ts';

const source = (path: string): MountSource => ({ kind: 'directory', path });
const a = source('/a');

let clock: ManualClock;
let answer: (path: string) => Promise<string>;
let mounted: string[];
let unmounted: string[];
let troubles: unknown[];
let pool: MountPool;

beforeEach(() => {
  clock = new ManualClock();
  answer = (path) => Promise.resolve(path);
  [mounted, unmounted, troubles] = [[], [], []];
  const mount = async (wanted: MountSource): Promise<Mount> => {
    const name = wanted.kind === 'directory' ? wanted.path : '';
    mounted.push(name);
    const path = await answer(name);
    return {
      path,
      [Symbol.asyncDispose]: () => (name === '/stays' ? Promise.reject(new Error('busy')) : Promise.resolve(void unmounted.push(name))),
    };
  };
  pool = new MountPool({ mount }, (error) => troubles.push(error));
});

describe('MountPool', () => {
  it('mounts once for all, also for those who ask meanwhile', async () => {
    expect(await Promise.all([pool.path(a, never), pool.path(source('/a'), never)])).toEqual(['/a', '/a']);
    expect(await pool.path(a, never)).toBe('/a');
    expect(mounted).toEqual(['/a']);
  });

  it('tries again what failed', async () => {
    answer = () => Promise.reject(new Error('down'));
    await expect(pool.path(a, never)).rejects.toThrow('down');
    answer = (path) => Promise.resolve(path);
    expect(await pool.path(a, never)).toBe('/a');
  });

  it('lets one who gives up go, and mounts for the others', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    answer = () => promise;
    const abort = new AbortController();
    const [one, other] = [pool.path(a, abort.signal), pool.path(a, never)];
    abort.abort(new Error('enough'));
    await expect(one).rejects.toThrow('enough');
    resolve('/a');
    expect(await other).toBe('/a');
  });

  it('unmounts all in reverse order, also after one that cannot be', async () => {
    for (const path of ['/a', '/stays', '/b']) await pool.path(source(path), never);
    await pool[Symbol.asyncDispose]();
    expect(unmounted).toEqual(['/b', '/a']);
    expect(troubles).toEqual([new Error('busy')]);
    await expect(pool.path(a, never)).rejects.toThrow('closed');
  });
});

describe('Addresses', () => {
  it('passes over one that failed three times in a row, for 30 s', () => {
    const addresses = new Addresses(pool, clock);
    for (let failures = 0; failures < 2; failures++) addresses.failed(a);
    addresses.worked(a);
    for (let failures = 0; failures < 2; failures++) addresses.failed(a);
    expect(addresses.isPassedOver(a)).toBe(false);
    addresses.failed(a);
    expect(addresses.isPassedOver(a)).toBe(true);
    expect(addresses.isPassedOver(source('/b'))).toBe(false);
    clock.pass(29_999);
    expect(addresses.isPassedOver(a)).toBe(true);
    clock.pass(1);
    expect(addresses.isPassedOver(a)).toBe(false);
  });

  it('passes over one that cannot be mounted until it can be, which nobody waits for', async () => {
    const addresses = new Addresses(pool, clock);
    answer = () => Promise.reject(new Error('down'));
    await expect(addresses.path(a, never)).rejects.toThrow('down');
    expect(addresses.isPassedOver(a)).toBe(true);
    const { promise, resolve } = Promise.withResolvers<string>();
    answer = () => promise;
    clock.pass(30_000);
    expect(addresses.isPassedOver(a)).toBe(true);
    expect(addresses.isPassedOver(a)).toBe(true);
    expect(mounted).toEqual(['/a', '/a']);
    resolve('/a');
    await eventually(() => expect(addresses.isPassedOver(a)).toBe(false));
  });
});
