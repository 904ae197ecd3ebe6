import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runWith } from '../../fake-azure/run-with.ts';

const MAIN = join(import.meta.dirname, '../../fake-azure/main.ts');

describe('fake-azure', () => {
  let folder: string;
  let child: ChildProcess | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fake-azure-test-'));
  });
  afterEach(async () => {
    child?.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });

  /** Starts the program with its temporary files below the test's folder. */
  const start = (...args: string[]): { readonly child: ChildProcess; readonly stdout: Readable; readonly stderr: Promise<string> } => {
    const env = { ...process.env, TMPDIR: folder };
    const started = spawn(process.execPath, ['--conditions=@warpforge/source', MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    return { child: started, stdout: started.stdout, stderr: text(started.stderr) };
  };
  const outputWith = async (stream: Readable, pattern: RegExp): Promise<string> => {
    let seen = '';
    for await (const piece of stream.iterator({ destroyOnReturn: false })) {
      seen += String(piece);
      if (pattern.test(seen)) break;
    }
    return seen;
  };
  const listening = async (): Promise<Server> => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server;
  };
  const portOf = (server: Server): number => (server.address() as AddressInfo).port;

  it('runs a command in its environment, passes signals on, ends as the command ends, and leaves nothing', async () => {
    const script = `
      process.on('SIGTERM', () => process.exit(5));
      const { AZURE_RESOURCE_MANAGER_ENDPOINT: url, AZURE_TOKEN_CREDENTIALS: credentials } = process.env;
      fetch(url + '/subscriptions?api-version=2022-12-01').then(({ status }) => console.log(credentials, status, process.argv[1]));
      setInterval(() => undefined, 1_000_000);
    `;
    const { child: running, stdout } = start('--', process.execPath, '-e', script, '--', '--port');
    // Trusted, there, and refused, since nobody signed in.
    expect(await outputWith(stdout, /\n/)).toBe('AzureCliCredential 401 --port\n');
    running.kill('SIGTERM');
    expect(await once(running, 'exit')).toEqual([5, null]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('prints what a shell takes, and waits for Ctrl-C', async () => {
    const free = await listening();
    const port = portOf(free);
    free.close();
    await once(free, 'close');
    const directory = join(folder, "it's here");
    const { child: running, stdout, stderr } = start('--directory', directory, '--port', String(port));
    const printed = await outputWith(stdout, /PATH/);
    expect(printed).toContain(`export AZURE_RESOURCE_MANAGER_ENDPOINT='https://127.0.0.1:${port}'\n`);
    const [certificate = ''] = /(?<=NODE_EXTRA_CA_CERTS=')[^']+/.exec(printed) ?? [];
    expect(existsSync(certificate)).toBe(true);
    running.kill('SIGINT');
    expect(await once(running, 'exit')).toEqual([130, null]);
    expect(await stderr).toBe(`fake-azure: ready until Ctrl-C; other terminals get these variables from ${directory}/environment\n`);
    expect(existsSync(certificate)).toBe(false);
    expect((await readdir(directory)).sort()).toEqual(['bin', 'environment', 'vm-environment']);
  });

  it('says that a port is taken, and leaves nothing', async () => {
    const taken = await listening();
    const { child: running, stderr } = start('--port', String(portOf(taken)), '--', 'true');
    expect(await once(running, 'exit')).toEqual([1, null]);
    expect(await stderr).toMatch(/^fake-azure: listen EADDRINUSE: .*; choose another --port, or none for free ones\n$/);
    expect(await readdir(folder)).toEqual([]);
    taken.close();
  });

  it('says what a VM needs that is not here, and leaves nothing', async () => {
    const env = { ...process.env, TMPDIR: folder, PATH: folder };
    const args = ['--conditions=@warpforge/source', MAIN, '--vm', '--', '/bin/true'];
    child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const said = text(child.stderr!);
    expect(await once(child, 'exit')).toEqual([1, null]);
    expect(await said).toMatch(/^fake-azure: there can be no VM on this machine: it needs (root|Linux|.*: apt-get install .*)\n$/);
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([
    [['--port', '0'], 2, /--port <number>' argument '0' is invalid. it must be a number from 1 to 65533/],
    [['--colour'], 2, /unknown option '--colour'/],
  ])('refuses %j', async (args, code, message) => {
    const { child: running, stderr } = start(...args);
    expect(await once(running, 'exit')).toEqual([code, null]);
    expect(await stderr).toMatch(message);
  });
});

describe('runWith', () => {
  it.each([
    ['the exit code', ['/bin/sh', '-c', 'exit "$CODE"'], 7],
    ['128 and the signal', ['/bin/sh', '-c', 'kill -TERM $$'], 143],
    ['127 for a command that is not there', ['/no/such/command'], 127],
  ])('returns %s', async (_, [command = '', ...args], code) => {
    expect(await runWith({ CODE: '7' }, command, args)).toBe(code);
    expect(process.listenerCount('SIGTERM')).toBe(0);
  });
});
