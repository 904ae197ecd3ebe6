import { join } from 'node:path';
import { fuseAvailability } from '@warpforge/fuse-fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256, startStorage, type Storage } from './harness/storage.ts';
import { hashFile, makeWorld, scrape, sum } from './harness/world.ts';

let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(async () => {
  await storage[Symbol.asyncDispose]();
});

const FILES = /\/train\//;

/** Number and bytes of the uploaded files whose path matches. */
function uploaded(pattern: RegExp): { files: number; bytes: number } {
  const found = [...storage.files].filter(([path]) => pattern.test(path));
  return { files: found.length, bytes: found.reduce((total, [, content]) => total + content.length, 0) };
}

describe('warpdrive warm', () => {
  it('warms all backends without a daemon, and checks that all is complete', async () => {
    await using world = await makeWorld(storage);
    const { files, bytes } = uploaded(/^/);
    const first = await world.warpdrive('warm');
    expect(first).toMatchObject({ code: 0 });
    expect(first.stdout.trim().split('\n').at(-1)).toMatch(
      new RegExp(`^Done: Cache warming complete in [0-9.]+s \\(${files} files, [0-9.]+ MiB, [0-9.]+ MB/s\\)$`),
    );
    const second: unknown = JSON.parse((await world.warpdrive('warm', '--json')).stdout);
    expect(second).toMatchObject({
      files,
      complete: files,
      bytes,
      fetchedBytes: 0,
      failed: [],
      backends: [
        { backend: 'datasets-cac', complete: uploaded(/^datasets-cac/).files },
        { backend: 'datasets-wus3', complete: uploaded(/^datasets-wus3/).files },
      ],
    });
  });

  it('warms what begins with a prefix, below the root too, in one backend', async () => {
    await using world = await makeWorld(storage);
    const { files, bytes } = uploaded(/^datasets-cac\/train\//);
    for (const prefix of ['train/', '/train/', 'tra']) {
      const outcome = await world.warpdrive('warm', '--backend', 'datasets-cac', '--prefix', prefix, '--json');
      expect(JSON.parse(outcome.stdout), prefix).toMatchObject({ files, complete: files, bytes, failed: [] });
      expect(outcome.code).toBe(0);
    }
  });

  it('fails when nothing matches the prefix', async () => {
    await using world = await makeWorld(storage);
    expect(await world.warpdrive('warm', '--prefix', 'trian/')).toMatchObject({
      code: 1,
      stderr: 'warpdrive: nothing in any backend begins with "trian/"\n',
    });
  });

  it('is wrong usage for a backend that is not there', async () => {
    await using world = await makeWorld(storage);
    const outcome = await world.warpdrive('warm', '--backend', 'datasets-eu');
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toBe(
      `warpdrive: there is no backend "datasets-eu" in ${world.configPath}; there are datasets-cac, datasets-wus3\n`,
    );
  });

  it('fails and names what is not complete when the cache is too small', async () => {
    await using world = await makeWorld(storage, (config) => ({ ...config, cache: { ...config.cache, max_size: '4MB' } }));
    const outcome = await world.warpdrive('warm');
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).not.toContain('Done');
    expect(outcome.stderr).toMatch(
      /warpdrive: \d+ of \d+ files are not complete in the cache:\n {2}datasets-(cac|wus3):train\/shard-\d+\.tar: /,
    );
    const json = await world.warpdrive('warm', '--json');
    expect(json.code).toBe(1);
    const parsed: unknown = JSON.parse(json.stdout);
    expect(parsed).toHaveProperty('failed.0.path');
  });

  it('lets two warm-ups share one cache: the second works through the first', async () => {
    await using world = await makeWorld(storage);
    const outcomes = await Promise.all([world.warpdrive('warm'), world.warpdrive('warm')]);
    expect(outcomes.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ''],
      [0, ''],
    ]);
  });

  it('refuses an unknown option, and a bad number, as wrong usage', async () => {
    await using world = await makeWorld(storage);
    {
      const { code, stderr } = await world.warpdrive('warm', '--paralel', '3');
      expect(code).toBe(2);
      expect(stderr).toContain("unknown option '--paralel'");
    }
    {
      const { code, stderr } = await world.warpdrive('warm', '--parallel', 'many');
      expect(code).toBe(2);
      expect(stderr).toContain('whole number');
    }
  });
});

describe.skipIf(!fuseAvailability().ok)('warpdrive warm beside a daemon', () => {
  it('warms through the daemon while it is mounted; complete files are then read without the network', async () => {
    await using world = await makeWorld(storage);
    await using daemon = await world.serve();
    const { files, bytes } = uploaded(FILES);
    const outcome = await world.warpdrive('warm', '--prefix', 'train/', '--json');
    expect(JSON.parse(outcome.stdout)).toMatchObject({ files, complete: files, bytes, fetchedBytes: bytes, failed: [] });

    const before = await scrape(daemon);
    expect(sum(before, 'warpdrive_backend_bytes_read_total')).toBe(bytes);
    expect(sum(before, 'warpdrive_warm_files_total')).toBe(files);
    expect(sum(before, 'warpdrive_warm_bytes_total')).toBe(bytes);
    for (const [path, content] of storage.files) {
      if (FILES.exec(path) !== null) expect(await hashFile(join(world.mountPoint, path))).toBe(sha256(content));
    }
    expect(sum(await scrape(daemon), 'warpdrive_backend_bytes_read_total')).toBe(bytes);
  });

  it('is stopped with the daemon, and says so', async () => {
    await using world = await makeWorld(storage);
    await using daemon = await world.serve();
    const warming = world.warpdrive('warm');
    daemon.child.kill('SIGTERM');
    const { code, stderr } = await warming;
    // Whichever came first: done before, stopped in the middle, or no daemon any more (and then it has done the work itself).
    if (code !== 0) expect(stderr).toMatch(/daemon (is stopping|ended)/);
    expect((await daemon.finished).code).toBe(0);
  });

  it('does not let serve have the cache of a running warm-up, unless it may wait', async () => {
    await using world = await makeWorld(storage);
    const warming = world.warpdrive('warm');
    await using daemon = await world.serve('--wait', '30s');
    expect(daemon.metricsUrl).toContain('http');
    expect((await warming).code).toBe(0);
  });
});
