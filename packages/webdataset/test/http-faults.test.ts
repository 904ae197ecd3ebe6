import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeShard } from '../src/source/describe-shard.ts';
import { HttpSource } from '../src/source/http-source.ts';
import { locate } from '../src/source/locate.ts';
import { toHttpLocation } from '../src/source/location.ts';
import { NETWORK, type Network } from '../src/source/network.ts';
import { openUrl } from '../src/source/open-shard.ts';
import type { ShardBytes } from '../src/source/shard-bytes.ts';
import { type Fault, type Served, ShardServer } from './shard-server.ts';

const BYTES = Buffer.from(Array.from({ length: 300_000 }, (_, index) => Math.imul(index, 2654435761) >>> 24));

let server: ShardServer;
let pauses: number[];
let network: Network;
let duringPause = (): void => undefined;

beforeAll(async () => {
  server = await ShardServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Puts the bytes up and opens them; pauses are noted, not made. */
async function open(path: string, served: Partial<Served> = {}): Promise<ShardBytes & { file: Served }> {
  pauses = [];
  network = {
    ...NETWORK,
    wait: (milliseconds) => {
      pauses.push(milliseconds);
      duringPause();
      return Promise.resolve();
    },
    random: () => 0.5,
    stallMs: 200,
  };
  const file: Served = { bytes: BYTES, etag: '"1"', ...served };
  const url = server.serve(path, file);
  return Object.assign(await openUrl(toHttpLocation(url), undefined, network), { file });
}

async function readAll(bytes: ShardBytes): Promise<Buffer> {
  return bytes.read(Buffer.alloc(bytes.size), 0);
}

const drop = (after: number): Fault => ({ kind: 'drop', after });
const status = (code: number, headers?: Record<string, string>): Fault => ({
  kind: 'status',
  status: code,
  ...(headers ? { headers } : {}),
});

describe('a server that', () => {
  it('breaks connections is asked for the rest, from the first missing byte on', async () => {
    await using bytes = await open('/drops');
    bytes.file.faults = [drop(100_000), drop(0), drop(150_000)];
    server.requests.length = 0;
    expect((await readAll(bytes)).equals(BYTES)).toBe(true);
    const starts = server.requests.map(({ range }) => Number(/^bytes=(\d+)-299999$/.exec(range ?? '')?.[1]));
    expect(starts[0]).toBe(0);
    expect(starts).toHaveLength(4);
    // Each goes on where the one before it broke off, which may be short of what the server wrote.
    expect(starts.every((start, index) => index === 0 || start >= starts[index - 1]!)).toBe(true);
    expect(starts.at(-1)).toBeGreaterThan(0);
    expect(server.requests.every(({ headers }) => headers['if-match'] === '"1"' && headers['accept-encoding'] === 'identity')).toBe(true);
  });

  it('breaks connections at ever new places is borne, as long as something comes', async () => {
    await using bytes = await open('/crumbs');
    bytes.file.faults = Array.from({ length: 40 }, () => drop(5000));
    expect((await readAll(bytes)).equals(BYTES)).toBe(true);
  });

  it('breaks connections without ranges starts over, and what came is passed over', async () => {
    await using bytes = await open('/whole', { ranges: false, faults: [drop(50_000), drop(10_000), drop(200_000)] });
    expect((await readAll(bytes)).equals(BYTES)).toBe(true);
  });

  it('is overloaded is asked again after pauses that double, or as long as it asks for', async () => {
    await using bytes = await open('/busy');
    bytes.file.faults = [
      status(503),
      status(429),
      status(500),
      status(503, { 'retry-after': '7' }),
      status(503, { 'retry-after': '9999' }),
    ];
    expect((await readAll(bytes)).equals(BYTES)).toBe(true);
    expect(pauses).toEqual([187.5, 375, 750, 7000, 30_000]);
  });

  it('stays overloaded is given up with what to check', async () => {
    await using bytes = await open('/down');
    bytes.file.faults = Array.from({ length: 6 }, () => status(503));
    await expect(readAll(bytes)).rejects.toMatchObject({
      code: 'WDS_READ',
      offset: 0,
      message: expect.stringMatching(
        /\/down, at byte 0: cannot fetch the shard: the server answers HTTP 503 .*\(6 attempts\); check the server/,
      ) as string,
    });
  });

  it('sends nothing any more is given up after a while, and asked again', async () => {
    await using bytes = await open('/stall');
    bytes.file.faults = [{ kind: 'stall', after: 100_000 }];
    expect((await readAll(bytes)).equals(BYTES)).toBe(true);
    expect(pauses).toHaveLength(1);
  });

  it('cannot be reached is WDS_READ that says why', async () => {
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port } = gone.address() as AddressInfo;
    gone.close();
    await once(gone, 'close');
    const opening = openUrl(toHttpLocation(`http://127.0.0.1:${port}/x.tar`), undefined, network);
    await expect(opening).rejects.toMatchObject({ code: 'WDS_READ', message: expect.stringContaining('ECONNREFUSED') as string });
  });

  it.each([
    [404, 'there is no such shard: check the URL'],
    [403, 'access is denied: check the credentials'],
    [401, 'access is denied: check the credentials'],
    [400, 'check the URL'],
  ])('answers %d is not asked twice', async (code, advice) => {
    server.requests.length = 0;
    await expect(open(`/refused-${code}`, { faults: [status(code)] })).rejects.toMatchObject({
      code: 'WDS_READ',
      message: expect.stringMatching(new RegExp(`HTTP ${code} .*; ${advice}`)) as string,
    });
    expect(server.requests).toHaveLength(1);
  });

  it.each<[string, Partial<Served>, Partial<Served>]>([
    ['another ETag', {}, { etag: '"2"' }],
    ['another ETag, conditions ignored', { ignoresConditions: true }, { etag: '"2"', ignoresConditions: true }],
    ['another weak ETag', { etag: 'W/"1"' }, { etag: 'W/"2"' }],
    [
      'another time',
      { etag: undefined!, lastModified: 'Sat, 01 Jan 2022 00:00:00 GMT' },
      { etag: undefined!, lastModified: 'Sun, 02 Jan 2022 00:00:00 GMT' },
    ],
    ['another length', { etag: undefined! }, { etag: undefined!, bytes: BYTES.subarray(1) }],
    ['so little that the range is outside', { etag: undefined! }, { etag: undefined!, bytes: BYTES.subarray(0, 10) }],
  ])('has %s while it is read is WDS_CHANGED', async (_, before, after) => {
    const strip = ({ etag, ...rest }: Partial<Served>): Partial<Served> => (etag === undefined ? rest : { etag, ...rest });
    await using bytes = await open('/changes', before);
    if (!('etag' in strip(before)) && 'etag' in before) delete bytes.file.etag;
    await bytes.read(Buffer.alloc(10), 0);
    server.serve('/changes', { bytes: BYTES, ...strip(after) });
    await expect((async () => bytes.read(Buffer.alloc(10), 200_000))()).rejects.toMatchObject({
      code: 'WDS_CHANGED',
      offset: 200_000,
      message: expect.stringContaining('start again') as string,
    });
  });

  it('changes the file between two parts of one read never mixes them', async () => {
    await using bytes = await open('/mixed');
    bytes.file.faults = [drop(100_000)];
    duringPause = () => server.serve('/mixed', { bytes: Buffer.alloc(300_000), etag: '"2"' });
    await expect(readAll(bytes)).rejects.toMatchObject({ code: 'WDS_CHANGED' });
    duringPause = () => undefined;
  });

  it('has an empty file gives no bytes', async () => {
    for (const ranges of [true, false]) {
      await using bytes = await open('/empty', { bytes: Buffer.alloc(0), ranges });
      expect(bytes.size).toBe(0);
      expect((await bytes.read(Buffer.alloc(5), 0)).length).toBe(0);
    }
  });

  it('answers a range with another range is asked for the whole', async () => {
    const odd = createServer((request, response) => {
      if (request.headers.range === undefined) response.end(BYTES);
      else response.writeHead(206, { 'content-range': 'bytes 5-9/*' }).end('12345');
    }).listen(0, '127.0.0.1');
    await once(odd, 'listening');
    try {
      await using bytes = await openUrl(toHttpLocation(`http://127.0.0.1:${(odd.address() as AddressInfo).port}/x`), undefined, network);
      expect((await readAll(bytes)).equals(BYTES)).toBe(true);
    } finally {
      odd.closeAllConnections();
      odd.close();
    }
  });
});

describe('a URL', () => {
  it('gives no secret away: not in names, messages or locations of errors', async () => {
    const url = server.serve('/secret.tar', { bytes: BYTES, faults: [status(403)] }).replace('//', '//user:pa%20ss@') + '?sig=hidden';
    const location = toHttpLocation(url);
    expect(location.headers).toEqual({ authorization: `Basic ${Buffer.from('user:pa ss').toString('base64')}` });
    const error = await openUrl(location, undefined, network).then(
      () => undefined,
      (reason: unknown) => (reason as Error).message,
    );
    expect(error).toContain('/secret.tar');
    expect(error).not.toMatch(/hidden|user|pa( |%20)ss/);
    expect(await describeShard(url)).toMatchObject({ name: 'secret.tar', size: BYTES.length });
    expect(server.requests.at(-1)?.headers.authorization).toBe(location.headers?.['authorization']);
  });

  it('that is none is WDS_BAD_SPEC', async () => {
    await expect(locate('http://')).rejects.toMatchObject({ code: 'WDS_BAD_SPEC' });
  });

  it('ends its requests when it is closed, or the signal is aborted, or the loop is left', async () => {
    const closed = await open('/closed');
    closed.file.faults = [{ kind: 'stall', after: 1000 }];
    const reading = readAll(closed);
    const rejected = expect(reading).rejects.toMatchObject({ code: 'WDS_CLOSED' });
    await closed[Symbol.asyncDispose]();
    await rejected;

    const controller = new AbortController();
    const source = new HttpSource(toHttpLocation(server.serve('/aborted', { bytes: BYTES, faults: [{ kind: 'stall', after: 1000 }] })), {
      ...NETWORK,
    });
    const aborted = (async () => {
      for await (const piece of source.stream(0, Infinity, controller.signal)) {
        expect(piece.length).toBeGreaterThan(0);
        controller.abort(new Error('enough'));
      }
    })();
    await expect(aborted).rejects.toThrow('enough');

    server.serve('/left', { bytes: BYTES, faults: [{ kind: 'stall', after: 1000 }] });
    for await (const piece of new HttpSource(toHttpLocation(server.serve('/left', server.files.get('/left')!)), NETWORK).stream()) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    // Broken-off requests close their connections; the server sees that when it looks.
    await expect.poll(async () => server.connections, { timeout: 5000 }).toBeLessThanOrEqual(2);
  });
});
