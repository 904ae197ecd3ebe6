import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlClient } from '../src/control/client.ts';
import type { Stats, Status, WarmEvent } from '../src/control/protocol.ts';
import { ControlServer, type ControlledProcess } from '../src/control/server.ts';
import { findSocketPath, prepareSocketPath } from '../src/control/socket-path.ts';
import { CommandError } from '../src/failure.ts';

const STATUS: Status = {
  pid: 42,
  version: '1.2.3',
  startedAt: '2026-01-01T00:00:00.000Z',
  role: 'serve',
  mount: { point: '/wd', passthrough: true, hiddenNames: ['a:x//y'] },
  cachePath: '/cache',
  backends: [{ name: 'a', type: 'local', mountPath: '/a', location: '/data', lastAnswer: { at: '2026-01-01T00:00:00.000Z' } }],
};

const STATS: Stats = {
  cache: {
    sizeBytes: 1,
    maxSizeBytes: 2,
    files: 3,
    completeFiles: 4,
    hits: 5,
    misses: 6,
    evictions: 7,
    corruptions: 8,
    servedDiskBytes: 9,
    servedNetworkBytes: 10,
    readaheadHits: 11,
    readaheadWasted: 12,
  },
  passthrough: { opens: 13, openedBytes: 14 },
  backends: { a: { requests: 15, errors: 16, bytesRead: 17 } },
};

const PROGRESS: WarmEvent = {
  type: 'progress',
  backend: 'a',
  files: 1,
  filesDone: 0,
  bytes: 9,
  bytesDone: 0,
  fetchedBytes: 0,
  listed: true,
  elapsedMs: 1,
};
const DONE: WarmEvent = { type: 'done', files: 1, complete: 1, bytes: 9, fetchedBytes: 9, elapsedMs: 2 };

/** A process that answers as told. */
function controlled(overrides: Partial<ControlledProcess> = {}): ControlledProcess {
  return { status: () => STATUS, stats: () => STATS, warm: () => Promise.resolve(), stop: () => undefined, ...overrides };
}

/** A server of the process, and a client of it. */
async function serve(overrides: Partial<ControlledProcess> = {}, cacheDirectory = directory) {
  const server = await ControlServer.listen(cacheDirectory, controlled(overrides));
  return { server, client: new ControlClient(cacheDirectory), [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mount-control-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function collect(events: AsyncIterable<WarmEvent>): Promise<WarmEvent[]> {
  return Array.fromAsync(events);
}

describe('the control socket', () => {
  it('answers status and stats', async () => {
    await using served = await serve();
    expect(await served.client.status()).toEqual(STATUS);
    expect(await served.client.stats()).toEqual(STATS);
  });

  it('can be used by its owner only', async () => {
    await using served = await serve();
    expect((await stat(served.server.socketPath)).mode & 0o777).toBe(0o600);
  });

  it('streams a warm-up event by event', async () => {
    const failed: WarmEvent = { type: 'failed', backend: 'a', path: 'x\ny', message: 'no' };
    await using served = await serve({
      warm: async (request, emit) => {
        expect(request).toEqual({ backend: 'a', prefix: 'train/', parallel: 2 });
        for (const event of [PROGRESS, failed, DONE]) emit(event);
        await Promise.resolve();
      },
    });
    const events = await collect(served.client.warm({ backend: 'a', prefix: 'train/', parallel: 2 }, AbortSignal.timeout(10_000)));
    expect(events).toEqual([PROGRESS, failed, DONE]);
  });

  it('tells a failure in the middle of a warm-up, and one before its first event', async () => {
    for (const before of [[], [PROGRESS]]) {
      await using served = await serve({
        warm: (_request, emit) => {
          for (const event of before) emit(event);
          return Promise.reject(new CommandError('USAGE', 'there is no backend "b"'));
        },
      });
      await expect(collect(served.client.warm({}, AbortSignal.timeout(10_000)))).rejects.toMatchObject({
        code: 'DAEMON',
        message: 'there is no backend "b"',
      });
    }
  });

  it('stops the work of a client that goes away', async () => {
    const stopped = Promise.withResolvers<unknown>();
    const started = Promise.withResolvers<undefined>();
    await using served = await serve({
      warm: (_request, emit, signal) => {
        emit(PROGRESS);
        started.resolve(undefined);
        return new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => {
            stopped.resolve(signal.reason);
            reject(signal.reason as Error);
          }),
        );
      },
    });
    const abort = new AbortController();
    const warming = collect(served.client.warm({}, abort.signal));
    await started.promise;
    abort.abort(new CommandError('INTERRUPTED', 'interrupted by SIGINT'));
    await expect(warming).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(await stopped.promise).toMatchObject({ message: 'the client has gone' });
  });

  it('ends running work with a reason when it is closed', async () => {
    const started = Promise.withResolvers<undefined>();
    const server = await ControlServer.listen(
      directory,
      controlled({
        warm: (_request, _emit, signal) => {
          started.resolve(undefined);
          return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
        },
      }),
    );
    const warming = collect(new ControlClient(directory).warm({}, AbortSignal.timeout(10_000)));
    const told = expect(warming).rejects.toMatchObject({ code: 'DAEMON', message: 'the daemon is stopping' });
    await started.promise;
    await server[Symbol.asyncDispose]();
    await told;
    await expect(new ControlClient(directory).status()).rejects.toMatchObject({ code: 'NO_DAEMON' });
  });

  it('closes although a client keeps its connection open', async () => {
    const server = await ControlServer.listen(directory, controlled());
    const socket = connect(server.socketPath);
    await once(socket, 'connect');
    socket.write('GET /v1/status HTTP/1.1\r\nHost: x\r\n');
    const closed = once(socket, 'close');
    await server[Symbol.asyncDispose]();
    await closed;
  });

  it('refuses requests that it does not know, and wrong ones, with the reason', async () => {
    await using served = await serve();
    const ask = async (head: string, body = ''): Promise<string> => {
      const socket = connect(served.server.socketPath);
      socket.end(`${head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
      return (await socket.setEncoding('utf8').toArray()).join('');
    };
    expect(await ask('GET /v2/status')).toMatch(/ 404 .*"code":"NO_SUCH_REQUEST"/s);
    expect(await ask('DELETE /v1/status')).toMatch(/ 404 /);
    expect(await ask('POST /v1/warm', '{')).toMatch(/ 400 .*"code":"BAD_REQUEST"/s);
    expect(await ask('POST /v1/warm', '{"backend":1}')).toMatch(/ 400 .*backend/s);
    expect(await ask('POST /v1/warm', '{"colour":"red"}')).toMatch(/ 400 .*colour/s);
    expect(await ask('POST /v1/warm', JSON.stringify({ prefix: 'x'.repeat(100_000) }))).toMatch(/ 400 /);
  });

  it('passes a stop on', async () => {
    const stopped = Promise.withResolvers<undefined>();
    await using served = await serve({ stop: () => stopped.resolve(undefined) });
    await served.client.stop();
    await stopped.promise;
  });

  it('replaces the socket of a dead owner, and leaves none behind', async () => {
    const path = join(directory, 'control.sock');
    await writeFile(path, '');
    await expect(new ControlClient(directory).status()).rejects.toMatchObject({ code: 'NO_DAEMON' });
    const server = await ControlServer.listen(directory, controlled());
    expect(await new ControlClient(directory).status()).toEqual(STATUS);
    await server[Symbol.asyncDispose]();
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('says how to start a daemon when there is none', async () => {
    const message = `no warpdrive serves the cache ${directory}. Start one with: warpdrive serve`;
    await expect(new ControlClient(directory).status()).rejects.toMatchObject({ code: 'NO_DAEMON', message });
    await expect(new ControlClient(join(directory, 'missing')).stats()).rejects.toMatchObject({ code: 'NO_DAEMON' });
  });

  it('reports a daemon that answers nonsense', async () => {
    await using served = await serve({
      status: () => {
        throw new Error('broken');
      },
    });
    await expect(served.client.status()).rejects.toMatchObject({ code: 'DAEMON', message: 'Error: broken' });
  });

  it('says that the cache directory can not take a socket', async () => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    await expect(ControlServer.listen(file, controlled())).rejects.toMatchObject({ code: 'SOCKET' });
  });
});

describe('the path of the control socket', () => {
  it('is in the cache directory', async () => {
    expect(await prepareSocketPath(directory)).toBe(join(directory, 'control.sock'));
    expect(await findSocketPath(directory)).toBe(join(directory, 'control.sock'));
  });

  it('is a short one elsewhere when it would be too long for the system, and is found through a pointer', async () => {
    const long = join(directory, 'x'.repeat(90));
    const runtime = join(directory, 'run');
    await mkdir(long);
    await mkdir(runtime, { mode: 0o755 });
    await chmod(runtime, 0o755);
    const path = await prepareSocketPath(long, runtime);
    expect(path).toMatch(new RegExp(`^${runtime}/[0-9a-f]{16}\\.sock$`));
    expect((await stat(runtime)).mode & 0o777).toBe(0o700);
    expect(await findSocketPath(long)).toBe(path);
    expect(await readFile(join(long, 'control.sock.path'), 'utf8')).toBe(`${path}\n`);
  });

  it('depends on the length of the path alone: 107 bytes still fit', async () => {
    const fits = join(directory, 'y'.repeat(107 - directory.length - '//control.sock'.length));
    await mkdir(fits);
    const path = await prepareSocketPath(fits);
    expect(Buffer.byteLength(path)).toBe(107);
    await using served = await serve({}, fits);
    expect(served.server.socketPath).toBe(path);
    expect(await served.client.status()).toEqual(STATUS);
  });

  it('forgets a pointer that is no longer needed', async () => {
    await writeFile(join(directory, 'control.sock.path'), '/elsewhere\n');
    await prepareSocketPath(directory);
    expect(await findSocketPath(directory)).toBe(join(directory, 'control.sock'));
  });
});
