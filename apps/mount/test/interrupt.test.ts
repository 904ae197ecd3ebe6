import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { fuseAvailability } from '@warpforge/fuse-fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isMounted, start } from './harness/cli.ts';
import { startStorage, type Storage } from './harness/storage.ts';
import { makeWorld } from './harness/world.ts';

let storage: Storage;
/** A blob server that takes every connection and never answers. */
let silent: Server;
let endpoint: string;
beforeAll(async () => {
  storage = await startStorage();
  silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const address = silent.address();
  endpoint = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/canadacentral`;
});
afterAll(async () => {
  silent.close();
  await storage[Symbol.asyncDispose]();
});

describe('a command that is interrupted while it waits for a backend', () => {
  const silentWorld = () =>
    makeWorld(storage, (config) => ({
      ...config,
      backends: config.backends.map((backend) => ({ ...backend, config: { ...backend.config, endpoint } })),
    }));

  it('warm: says so, does not say Done, and gives the cache back', async () => {
    await using world = await silentWorld();
    await using running = start(['warm', '--config', world.configPath], world.env);
    await once(silent, 'connection');
    running.child.kill('SIGINT');
    expect(await running.finished).toEqual({ code: 1, signal: null, stdout: '', stderr: 'warpdrive: interrupted by SIGINT\n' });
    expect((await world.warpdrive('status')).stderr).toContain('no warpdrive serves the cache');
  });

  it.skipIf(!fuseAvailability().ok)('serve: ends as it does once it is up, with nothing mounted', async () => {
    await using world = await silentWorld();
    await using running = start(['serve', '--config', world.configPath, '--metrics-addr', '127.0.0.1:0'], world.env);
    await once(silent, 'connection');
    running.child.kill('SIGTERM');
    running.child.kill('SIGINT');
    expect(await running.finished).toMatchObject({ code: 0, signal: null, stdout: '' });
    expect(await isMounted(world.mountPoint)).toBe(false);
  });

  it.skipIf(!fuseAvailability().ok)('a warm-up through a daemon stops in the daemon too', async () => {
    await using world = await makeWorld(storage);
    await using daemon = await world.serve();
    // The daemon goes on, whenever the client was cut off.
    const warming = start(['warm', '--config', world.configPath], world.env);
    await once(warming.child, 'spawn');
    warming.child.kill('SIGKILL');
    await warming.finished;
    expect(await world.warpdrive('warm')).toMatchObject({ code: 0 });
    expect(daemon.child.exitCode).toBeNull();
  });
});
