import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fuseAvailability } from '@warpforge/fuse-fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive, isMounted, start } from './harness/cli.ts';
import { deleteBlob, putBlob, sha256, startStorage, type Storage } from './harness/storage.ts';
import { hashFile, listFiles, makeWorld, readPiece, scrape, sum, type World } from './harness/world.ts';

let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(async () => {
  await storage[Symbol.asyncDispose]();
});

/** Compares every file below the mount with what was uploaded: whole, and in pieces at random places. */
async function expectUploadedBytes(world: World): Promise<void> {
  expect(await listFiles(world.mountPoint)).toEqual([...storage.files.keys()].sort());
  for (const [path, content] of storage.files) {
    const file = join(world.mountPoint, path);
    for (let piece = 0; piece < 8; piece++) {
      const offset = randomInt(0, content.length + 1);
      const length = randomInt(1, 300_000);
      const expected = Buffer.from(content.buffer, offset, Math.min(length, content.length - offset));
      expect((await readPiece(file, offset, length)).equals(expected), `${path} at ${offset} for ${length}`).toBe(true);
    }
    expect(await hashFile(file), path).toBe(sha256(content));
  }
}

const allBytes = (): number => [...storage.files.values()].reduce((total, content) => total + content.length, 0);

describe.skipIf(!fuseAvailability().ok)('warpdrive serve', () => {
  it('serves exactly the uploaded bytes: cold, warm, and after a restart with the same cache', async () => {
    await using world = await makeWorld(storage);
    {
      await using daemon = await world.serve();
      await expectUploadedBytes(world);
      const warm = await world.warpdrive('warm');
      expect(warm).toMatchObject({ code: 0 });
      await expectUploadedBytes(world);
      expect(daemon.stderr()).not.toMatch(/ (WARN|ERROR) /);
    }
    expect(await isMounted(world.mountPoint)).toBe(false);
    {
      await using daemon = await world.serve();
      await expectUploadedBytes(world);
      const metrics = await scrape(daemon);
      // Everything was on disk: not a byte of content crossed the network.
      expect(sum(metrics, 'warpdrive_backend_bytes_read_total')).toBe(0);
      expect(metrics.get('warpdrive_cache_size_bytes')).toBeGreaterThanOrEqual(allBytes());
    }
  });

  it('says when it is ready and ends with exit code 0, unmounted, for each signal, though it comes twice', async () => {
    await using world = await makeWorld(storage);
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      await using daemon = await world.serve();
      expect(await isMounted(world.mountPoint)).toBe(true);
      daemon.child.kill(signal);
      daemon.child.kill('SIGTERM');
      expect(await daemon.finished).toMatchObject({ code: 0, signal: null });
      expect(await isMounted(world.mountPoint)).toBe(false);
    }
  });

  it('goes on when nobody reads its output any more', async () => {
    await using world = await makeWorld(storage);
    await using running = start(['serve', '--config', world.configPath, '--metrics-addr', '127.0.0.1:0'], world.env);
    running.child.stdout?.destroy();
    running.child.stderr?.destroy();
    await expect.poll(async () => (await world.warpdrive('status', '--json')).stdout, { timeout: 20_000 }).toContain(world.mountPoint);
    const [path, content] = [...storage.files][0] ?? ['', new Uint8Array()];
    expect(await hashFile(join(world.mountPoint, path))).toBe(sha256(content));
    running.child.kill('SIGTERM');
    expect((await running.finished).code).toBe(0);
  });

  it('prints the ready line as JSON when asked', async () => {
    await using world = await makeWorld(storage);
    await using running = start(['serve', '--config', world.configPath, '--metrics-addr', '127.0.0.1:0', '--json'], world.env);
    const notice: unknown = JSON.parse(await running.nextLine());
    expect(notice).toMatchObject({
      event: 'ready',
      mountPoint: world.mountPoint,
      pid: running.pid,
    });
    expect(notice).toHaveProperty('metricsUrl');
  });

  it('unmounts within 3 s of SIGTERM while readers are at work', async () => {
    await using world = await makeWorld(storage, (config) => ({ ...config, fuse: { passthrough: 'off' } }));
    await using daemon = await world.serve();
    const stop = new AbortController();
    const readers = [...storage.files.keys()].map(async (path, reader) => {
      try {
        // The descriptor stays open over the unmount, as those of a trainer do.
        await using file = await open(join(world.mountPoint, path), constants.O_RDONLY | constants.O_DIRECT);
        const buffer = Buffer.alloc(64 * 1024);
        for (let round = 0; !stop.signal.aborted; round++) {
          await file.read(buffer, 0, buffer.length, (round % 16) * buffer.length);
          // Neither the page cache nor the kernel's names can answer these.
          await stat(join(world.mountPoint, 'datasets-cac', `missing-${reader}-${round}`)).catch(() => undefined);
        }
      } catch {
        // The mount went away under it, which is what is being tried.
      }
    });
    await expect.poll(async () => sum(await scrape(daemon), 'warpdrive_fuse_operations_total'), { timeout: 20_000 }).toBeGreaterThan(100);
    const begin = performance.now();
    daemon.child.kill('SIGTERM');
    await once(daemon.child, 'exit');
    const took = performance.now() - begin;
    stop.abort();
    await Promise.all(readers);
    expect(await isMounted(world.mountPoint)).toBe(false);
    // The promise to a supervisor, which kills after 5 s.
    expect(took).toBeLessThan(3_000);
    expect((await daemon.finished).code).toBe(0);
  });

  it('goes on with the same cache after kill -9', async () => {
    await using world = await makeWorld(storage);
    const [path, content] = [...storage.files].at(-2) ?? ['', new Uint8Array()];
    {
      await using daemon = await world.serve();
      expect(await hashFile(join(world.mountPoint, path))).toBe(sha256(content));
      daemon.child.kill('SIGKILL');
      await daemon.finished;
    }
    expect(await isMounted(world.mountPoint)).toBe(true);
    const status = await world.warpdrive('status');
    expect(status.code).toBe(1);
    expect(status.stderr).toContain(`a mount of one that has died is still there. Clear it with: warpdrive unmount ${world.mountPoint}`);

    await using daemon = await world.serve();
    await expectUploadedBytes(world);
    const stats: unknown = JSON.parse((await world.warpdrive('stats', '--json')).stdout);
    expect(stats).toMatchObject({ cache: { corruptions: 0 } });
    expect(sum(await scrape(daemon), 'warpdrive_backend_bytes_read_total')).toBeLessThanOrEqual(allBytes() - content.length);
  });

  it('shows a changed blob after stale_ttl', async () => {
    await using world = await makeWorld(storage, (config) => ({ ...config, cache: { ...config.cache, stale_ttl: '0' } }));
    await using daemon = await world.serve();
    const path = 'datasets-cac/changing.bin';
    await putBlob(storage.accounts[0], storage.container, 'changing.bin', new TextEncoder().encode('first'));
    const file = join(world.mountPoint, path);
    try {
      expect((await readPiece(file, 0, 100)).toString()).toBe('first');
      await putBlob(storage.accounts[0], storage.container, 'changing.bin', new TextEncoder().encode('second version'));
      expect((await readPiece(file, 0, 100)).toString()).toBe('second version');
      expect(daemon.stderr()).not.toContain(' ERROR ');
    } finally {
      await deleteBlob(storage.accounts[0], storage.container, 'changing.bin');
    }
  });

  it('ends by itself when somebody else unmounts', async () => {
    await using world = await makeWorld(storage);
    await using daemon = await world.serve();
    const outcome = await world.warpdrive('unmount', world.mountPoint);
    expect(outcome).toMatchObject({ code: 0, stdout: `unmounted ${world.mountPoint}\n` });
    expect((await daemon.finished).code).toBe(0);
    expect(daemon.stderr()).toContain('unmounted from outside');
  });

  it('is stopped by unmount, which waits for its end', async () => {
    await using world = await makeWorld(storage);
    await using daemon = await world.serve();
    const outcome = await world.warpdrive('unmount');
    expect(outcome).toMatchObject({ code: 0, stdout: `unmounted ${world.mountPoint}, process ${daemon.pid} has ended\n` });
    expect(isAlive(daemon.pid)).toBe(false);
    expect(await isMounted(world.mountPoint)).toBe(false);
    const again = await world.warpdrive('unmount');
    expect(again).toMatchObject({ code: 1, stderr: `warpdrive: nothing is mounted at ${world.mountPoint}\n` });
  });
});
