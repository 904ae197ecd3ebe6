import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fuseAvailability } from '@warpforge/fuse-fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putBlob, sha256, startStorage, type Storage } from './harness/storage.ts';
import { hashFile, makeWorld, readPiece, scrape, sum, type Daemon } from './harness/world.ts';

let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(async () => {
  await storage[Symbol.asyncDispose]();
});

const CHUNK = 128 * 1024;
/** The largest file: seven blocks of 1 MiB, the last with one byte. */
const LARGE = 'datasets-wus3/train/shard-000007.tar';

interface Health {
  readonly status: string;
  readonly checks: Readonly<Record<string, { readonly status: string; readonly message?: string }>>;
}

async function health(daemon: Daemon): Promise<[number, Health]> {
  const response = await fetch(`${daemon.metricsUrl}/healthz`);
  return [response.status, (await response.json()) as Health];
}

describe.skipIf(!fuseAvailability().ok)('what a daemon tells', () => {
  it('metrics move as documented: misses and network first, hits and disk then, and the kernel alone for complete files', async () => {
    await using world = await makeWorld(storage);
    await using daemon = await world.serve();
    const file = join(world.mountPoint, LARGE);
    const content = storage.files.get(LARGE) ?? new Uint8Array();

    const start = await scrape(daemon);
    expect(start.get('warpdrive_cache_hit_total')).toBe(0);
    expect(start.get('warpdrive_cache_miss_total')).toBe(0);
    expect(sum(start, 'warpdrive_backend_bytes_read_total')).toBe(0);
    // The check at the start has asked each backend once.
    expect(start.get('warpdrive_backend_request_duration_seconds_count{backend="datasets-cac",operation="list"}')).toBe(1);

    // A page in the middle, past the page cache: a miss, and far less than a block from the network.
    const direct = async (offset: number): Promise<void> => {
      await using handle = await open(file, constants.O_RDONLY | constants.O_DIRECT);
      const { buffer } = await handle.read(Buffer.alloc(4096), 0, 4096, offset);
      expect(Buffer.compare(buffer, content.subarray(offset, offset + 4096))).toBe(0);
    };
    await direct(5 * CHUNK);
    // The reader does not wait for the disk.
    await expect.poll(async () => (await scrape(daemon)).get('warpdrive_cache_size_bytes')).toBeGreaterThanOrEqual(CHUNK);
    const cold = await scrape(daemon);
    expect(cold.get('warpdrive_cache_miss_total')).toBe(1);
    expect(cold.get('warpdrive_cache_hit_total')).toBe(0);
    expect(cold.get('warpdrive_backend_bytes_read_total{backend="datasets-wus3"}')).toBe(CHUNK);
    expect(cold.get('warpdrive_served_bytes_total{source="network"}')).toBe(4096);
    expect(cold.has('warpdrive_served_bytes_total{source="disk"}')).toBe(false);
    expect(cold.get('warpdrive_fuse_operations_total{operation="read"}')).toBe(1);

    // The same again: a hit, whichever thread serves it, and nothing from the network.
    await direct(5 * CHUNK);
    const again = await scrape(daemon);
    expect(again.get('warpdrive_cache_hit_total')).toBe(1);
    expect(again.get('warpdrive_cache_miss_total')).toBe(1);
    expect(again.get('warpdrive_served_bytes_total{source="disk"}')).toBe(4096);
    expect(sum(again, 'warpdrive_backend_bytes_read_total')).toBe(CHUNK);
    expect(again.get('warpdrive_fuse_operations_total{operation="read"}')).toBe(2);

    // The whole file, in order: read ahead.
    expect(await hashFile(file)).toBe(sha256(content));
    await expect.poll(async () => (await scrape(daemon)).get('warpdrive_cache_size_bytes')).toBeGreaterThanOrEqual(content.length);
    const whole = await scrape(daemon);
    expect(sum(whole, 'warpdrive_backend_bytes_read_total')).toBe(content.length);
    expect(whole.get('warpdrive_cache_utilization_ratio')).toBeCloseTo((whole.get('warpdrive_cache_size_bytes') ?? 0) / 1024 ** 3);

    // Complete now, so the kernel may read it by itself, and says so once.
    const status: unknown = JSON.parse((await world.warpdrive('status', '--json')).stdout);
    const passthrough =
      typeof status === 'object' && status !== null && 'mount' in status && JSON.stringify(status.mount).includes('"passthrough":true');
    if (passthrough) {
      await expect
        .poll(async () => {
          await readPiece(file, 0, 10);
          return (await scrape(daemon)).get('warpdrive_passthrough_opens_total') ?? 0;
        })
        .toBeGreaterThan(0);
      const before = await scrape(daemon);
      expect(await hashFile(file)).toBe(sha256(content));
      const after = await scrape(daemon);
      expect(after.get('warpdrive_passthrough_opens_total')).toBe((before.get('warpdrive_passthrough_opens_total') ?? 0) + 1);
      expect(after.get('warpdrive_passthrough_opened_bytes_total')).toBe(
        (before.get('warpdrive_passthrough_opened_bytes_total') ?? 0) + content.length,
      );
      for (const name of ['warpdrive_cache_hit_total', 'warpdrive_cache_miss_total', 'warpdrive_served_bytes_total{source="disk"}']) {
        expect(after.get(name)).toBe(before.get(name));
      }
    }
  });

  it('every metric of the README exists, and the README knows every metric', async () => {
    await using world = await makeWorld(storage);
    await using daemon = await world.serve();
    const exposition = await (await fetch(`${daemon.metricsUrl}/metrics`)).text();
    const exposed = [...exposition.matchAll(/^# TYPE (warpdrive_\w+) /gm)].map(([, name]) => name);
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const documented = [...readme.matchAll(/^\| `(warpdrive_\w+)/gm)].map(([, name]) => name);
    expect(documented.sort()).toEqual(exposed.sort());
  });

  it('stats and status show the same, for people and as JSON', async () => {
    await using world = await makeWorld(storage);
    await using daemon = await world.serve();
    await putBlob(storage.accounts[0], storage.container, 'odd//name', new TextEncoder().encode('x'));
    expect(await hashFile(join(world.mountPoint, LARGE))).toBe(sha256(storage.files.get(LARGE) ?? new Uint8Array()));

    const status = await world.warpdrive('status');
    expect(status).toMatchObject({ code: 0, stderr: '' });
    expect(status.stdout).toContain(`${daemon.pid} (serve, version `);
    expect(status.stdout).toMatch(new RegExp(`^Mount point +${world.mountPoint}$`, 'm'));
    expect(status.stdout).toMatch(/Backend datasets-cac {3,}\/datasets-cac → azureblob canadacentral\/coco2017-wds: ok at \d{4}-/);
    expect(status.stdout).not.toContain(storage.accounts[0].key);

    const stats = await world.warpdrive('stats');
    expect(stats).toMatchObject({ code: 0, stderr: '' });
    expect(stats.stdout).toMatch(/Backend datasets-wus3 +\d+ requests, 0 errors, 6\.0 MiB read/);
    const json: unknown = JSON.parse((await world.warpdrive('stats', '--json')).stdout);
    expect(json).toMatchObject({ cache: { files: 1, corruptions: 0 }, backends: { 'datasets-wus3': { errors: 0 } } });
  });

  it('/healthz is well, and names what is not: a backend that has gone', async () => {
    await using world = await makeWorld(storage);
    const own = await startStorage();
    const gone = await makeWorld(own, (config) => ({ ...config, cache: { ...config.cache, stale_ttl: '0', stale_if_error: '0' } }));
    try {
      await using daemon = await world.serve();
      expect(await health(daemon)).toEqual([
        200,
        { status: 'ok', checks: { cache: { status: 'ok' }, backends: { status: 'ok' }, mount: { status: 'ok' } } },
      ]);

      await using left = await gone.serve();
      await own[Symbol.asyncDispose]();
      await expect(readPiece(join(gone.mountPoint, LARGE), 0, 10)).rejects.toMatchObject({ code: 'EIO' });
      const [code, report] = await health(left);
      expect(code).toBe(503);
      expect(report).toMatchObject({
        status: 'degraded',
        checks: { cache: { status: 'ok' }, mount: { status: 'ok' }, backends: { status: 'failed' } },
      });
      expect(report.checks['backends']?.message).toContain('datasets-wus3');
      expect(left.stderr()).toMatch(/ERROR a reader got EIO: datasets-wus3: .*backend=datasets-wus3 path=\S*train\S* errno=EIO/);
      expect((await gone.warpdrive('status')).stdout).toMatch(/Backend datasets-wus3 .*: (?!ok)/);
    } finally {
      await gone[Symbol.asyncDispose]();
      await own[Symbol.asyncDispose]();
    }
  });

  it('writes its log as JSON when asked', async () => {
    await using world = await makeWorld(storage, (config) => ({ ...config, log: { level: 'info', format: 'json' } }));
    await using daemon = await world.serve();
    const [line] = daemon.stderr().split('\n');
    expect(JSON.parse(line ?? '')).toMatchObject({ level: 'info', message: 'mounted', mount_point: world.mountPoint });
  });
});
