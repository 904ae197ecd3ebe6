import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { fuseAvailability } from '@warpforge/fuse-fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isMounted, run, type Finished } from './harness/cli.ts';
import { startStorage, type Storage } from './harness/storage.ts';
import { makeWorld, type World } from './harness/world.ts';

let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(async () => {
  await storage[Symbol.asyncDispose]();
});

/** One line for people on standard error, nothing on standard output, nothing left mounted. Logs come before it. */
async function expectFailure(world: World, outcome: Finished, code: number, message: RegExp | string): Promise<void> {
  const said = outcome.stderr.split('\n').filter((line) => line !== '' && !/^\d{4}-\d\d-\d\dT/.test(line));
  if (typeof message === 'string') expect(said).toEqual([message]);
  else expect(said).toEqual([expect.stringMatching(message)]);
  expect(outcome.stdout).toBe('');
  expect(outcome.code).toBe(code);
  expect(await isMounted(world.mountPoint)).toBe(false);
}

/** A configuration whose first backend is changed. */
interface Backend {
  readonly config: Record<string, unknown>;
  readonly auth: Record<string, unknown>;
}
const firstBackend =
  (change: (backend: Backend) => object) =>
  <T extends { backends: Backend[] }>(config: T) => ({
    ...config,
    backends: config.backends.map((backend, index) => (index === 0 ? { ...backend, ...change(backend) } : backend)),
  });

/** Exit code 2 and a line that says what is wrong. */
async function expectUsage(args: readonly string[], message: string): Promise<void> {
  const { code, stderr } = await run(args);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
}

describe('wrong usage', () => {
  it('tells all faults of the configuration at once, exit code 2', async () => {
    await using world = await makeWorld(storage);
    await writeFile(world.configPath, 'mount_pont: /wd\ncache: {max_size: big}\nbackends: []\n');
    const commands = ['serve', 'warm', 'unmount'];
    for (const outcome of await Promise.all(commands.map((command) => world.warpdrive(command)))) {
      expect(outcome.code).toBe(2);
      expect(outcome.stdout).toBe('');
      expect(outcome.stderr).toBe(
        [
          'warpdrive: the configuration has 3 faults:',
          `  ${world.configPath}:1:1: mount_pont: unknown key; did you mean "mount_point"?`,
          `  ${world.configPath}:2:9: cache.max_size: expected a size of at least 1MB, such as 50GB, got "big"`,
          `  ${world.configPath}:3:1: backends: expected at least one backend`,
          '',
        ].join('\n'),
      );
    }
  });

  it('says that there is no configuration, exit code 2', async () => {
    const outcome = await run(['serve', '--config', '/nonexistent/config.yaml']);
    expect(outcome).toMatchObject({
      code: 2,
      stderr: 'warpdrive: cannot read the configuration /nonexistent/config.yaml: there is no such file. Name another one with --config\n',
    });
  });

  it('suggests the nearest command and option, exit code 2; no command shows the help', async () => {
    await expectUsage(['sreve'], '(Did you mean serve?)');
    await expectUsage(['serve', '--wiat', '1s'], '(Did you mean --wait?)');
    await expectUsage(['serve', '--wait', 'long'], 'Expected a duration such as 10s or 2m.');
    await expectUsage([], 'Usage: warpdrive');
  });

  it('has a help with examples for every command', async () => {
    const commands = [[], ['serve'], ['warm'], ['stats'], ['status'], ['unmount']];
    for (const { code, stdout } of await Promise.all(commands.map((args) => run([...args, '--help'])))) {
      expect(code).toBe(0);
      expect(stdout).toContain('Examples:\n  $ ');
    }
    expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('says that nothing serves the cache', async () => {
    await using world = await makeWorld(storage);
    for (const command of ['stats', 'status']) {
      const outcome = await world.warpdrive(command);
      await expectFailure(
        world,
        outcome,
        1,
        `warpdrive: no warpdrive serves the cache ${world.cachePath}. Start one with: warpdrive serve`,
      );
    }
  });
});

describe.skipIf(!fuseAvailability().ok)('a daemon that can not start', () => {
  it.each<[string, (world: World) => Promise<void>, RegExp]>([
    [
      'a missing mount point',
      (world) => rm(world.mountPoint, { recursive: true }),
      /^warpdrive: the mount point .*\/wd does not exist\. Create it: mkdir -p /,
    ],
    [
      'a mount point that is a file',
      async (world) => {
        await rm(world.mountPoint, { recursive: true });
        await writeFile(world.mountPoint, '');
      },
      /^warpdrive: the mount point .*\/wd is not a directory/,
    ],
    [
      'a mount point with files in it',
      (world) => writeFile(join(world.mountPoint, 'x'), ''),
      /^warpdrive: the mount point .*\/wd is not empty/,
    ],
    ['a cache path that is a file', (world) => writeFile(world.cachePath, ''), /^warpdrive: .*\/cache can't be a cache directory/],
  ])('%s', async (_what, prepare, message) => {
    await using world = await makeWorld(storage);
    await prepare(world);
    await expectFailure(world, await world.warpdrive('serve', '--metrics-addr', '127.0.0.1:0'), 1, message);
    await mkdir(world.mountPoint, { recursive: true }).catch(() => undefined);
  });

  it.each<[string, Parameters<typeof firstBackend>[0], RegExp]>([
    [
      'a wrong account key',
      ({ config }) => ({
        config: { ...config, endpoint: storage.accounts[0].blobEndpoint },
        auth: { method: 'shared_key', account_key_env: 'WRONG_KEY' },
      }),
      /^warpdrive: backend datasets-cac: .*(denied|403).*canadacentral\/coco2017-wds/i,
    ],
    [
      'an account key variable that is not set',
      () => ({ auth: { method: 'shared_key', account_key_env: 'NO_SUCH_VARIABLE' } }),
      /^warpdrive: backend datasets-cac: .*environment variable NO_SUCH_VARIABLE is not set/,
    ],
    [
      'a missing container',
      ({ config }) => ({ config: { ...config, container: 'not-there' } }),
      /^warpdrive: backend datasets-cac: .*container.*canadacentral\/not-there/,
    ],
    [
      'an endpoint that nobody listens on',
      ({ config }) => ({ config: { ...config, endpoint: 'http://127.0.0.1:1/canadacentral' } }),
      /^warpdrive: backend datasets-cac: .*127\.0\.0\.1:1/,
    ],
    [
      'a host that does not exist',
      ({ config }) => ({ config: { ...config, endpoint: 'http://no-such-host.invalid/canadacentral' } }),
      /^warpdrive: backend datasets-cac: .*no-such-host\.invalid/,
    ],
  ])('%s', async (_what, change, message) => {
    await using world = await makeWorld(storage, firstBackend(change));
    const key = 'd3Jvbmcga2V5IHdyb25nIGtleSB3cm9uZyBrZXkgd3Jvbmcga2V5';
    const outcome = await run(['serve', '--config', world.configPath, '--metrics-addr', '127.0.0.1:0'], { ...world.env, WRONG_KEY: key });
    await expectFailure(world, outcome, 1, message);
    expect(outcome.stderr).not.toContain(key);
  });

  it('neither does a warm-up without a daemon, for the same reason', async () => {
    await using world = await makeWorld(
      storage,
      firstBackend(({ config }) => ({ config: { ...config, container: 'not-there' } })),
    );
    await expectFailure(world, await world.warpdrive('warm'), 1, /^warpdrive: backend datasets-cac: .*container.*canadacentral\/not-there/);
  });

  it('a folder that is not there', async () => {
    await using world = await makeWorld(storage, (config) => ({
      ...config,
      backends: [{ name: 'here', type: 'local', config: { path: join(config.cache.path, '..', 'not-there') } }],
    }));
    await expectFailure(world, await world.warpdrive('serve', '--metrics-addr', '127.0.0.1:0'), 1, /^warpdrive: backend here: .*not-there/);
  });

  it('an address of metrics that is in use', async () => {
    await using world = await makeWorld(storage);
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const outcome = await world.warpdrive('serve', '--metrics-addr', `127.0.0.1:${port}`);
      await expectFailure(
        world,
        outcome,
        1,
        `warpdrive: the metrics address 127.0.0.1:${port} is in use by another process; choose another with metrics.addr or --metrics-addr, or turn it off with metrics.enabled: false`,
      );
    } finally {
      server.close();
    }
    // Nothing of the failed start keeps the cache.
    await using daemon = await world.serve();
    expect(daemon.pid).toBeGreaterThan(0);
  });

  it('a second daemon on the same cache: it names the owner, and the first goes on', async () => {
    await using world = await makeWorld(storage);
    await using daemon = await world.serve();
    const other = join(world.directory, 'other');
    await mkdir(other);
    const outcome = await world.warpdrive('serve', '--mount-point', other, '--metrics-addr', '127.0.0.1:0');
    await expectFailureElsewhere(
      outcome,
      new RegExp(`^warpdrive: the cache ${world.cachePath} is in use by process ${daemon.pid} on \\S+: stop that `),
    );
    const status: unknown = JSON.parse((await world.warpdrive('status', '--json')).stdout);
    expect(status).toMatchObject({ pid: daemon.pid, mount: { point: world.mountPoint } });
  });

  it('a mount point that another daemon uses', async () => {
    await using world = await makeWorld(storage);
    await using daemon = await world.serve();
    const outcome = await world.warpdrive('serve', '--cache-path', join(world.directory, 'cache2'), '--metrics-addr', '127.0.0.1:0');
    await expectFailureElsewhere(outcome, /^warpdrive: .*\/wd is in use: warpdrive \(fuse\.warpdrive\) is mounted there/);
    expect(daemon.child.exitCode).toBeNull();
  });
});

/** Like expectFailure, for a failure beside a daemon that goes on. */
async function expectFailureElsewhere(outcome: Finished, message: RegExp): Promise<void> {
  const said = outcome.stderr.split('\n').filter((line) => line !== '' && !/^\d{4}-\d\d-\d\dT/.test(line));
  expect(said).toEqual([expect.stringMatching(message)]);
  expect(outcome.code).toBe(1);
  await Promise.resolve();
}
