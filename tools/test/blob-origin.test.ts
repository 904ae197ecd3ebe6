import { spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { BlobServiceClient, ContainerClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { AzureBackend, withRetries } from '@warpforge/blob-backend';
import { backendConformance } from '@warpforge/blob-backend/testing';
import { describe, expect, it } from 'vitest';
import { startBlobOrigin, type BlobOrigin, type BlobOriginOptions } from '../blob-origin/blob-origin.ts';

interface Setup extends AsyncDisposable {
  readonly origin: BlobOrigin;
  readonly backend: AzureBackend;
  readonly root: string;
  readonly put: (path: string, content: Uint8Array | string) => Promise<void>;
}

async function setUp(options: Partial<BlobOriginOptions> = {}, timeoutMs?: number): Promise<Setup> {
  const root = await mkdtemp(join(tmpdir(), 'blob-origin-test-'));
  const container = join(root, 'acc', 'data');
  await mkdir(container, { recursive: true });
  const origin = await startBlobOrigin({ root, ...options });
  const backend = new AzureBackend({
    name: 'origin',
    account: 'acc',
    container: 'data',
    endpoint: origin.endpoint('acc'),
    auth: { method: 'anonymous' },
    timeoutMs,
  });
  return {
    origin,
    backend,
    root,
    put: async (path, content) => {
      const target = join(container, path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(join(root, 'new'), content);
      await rename(join(root, 'new'), target);
    },
    [Symbol.asyncDispose]: async () => {
      await backend[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
      await rm(root, { recursive: true });
    },
  };
}

describe('blob-origin', () => {
  const cases = backendConformance(async () => {
    const { origin, backend, root, put, ...resources } = await setUp();
    return {
      backend,
      put,
      delete: (path: string) => rm(join(root, 'acc', 'data', path)),
      canHold: (path: string) => path.split('/').every((part) => part !== ''),
      openReads: () => origin.openReads,
      [Symbol.asyncDispose]: resources[Symbol.asyncDispose],
    };
  });
  for (const { name, run } of cases) it(`AzureBackend on it: ${name}`, run);

  it('serves the SDK, with any key', async () => {
    await using setup = await setUp();
    await setup.put('dir/a b', 'hello');
    const service = new BlobServiceClient(setup.origin.endpoint('acc'), new StorageSharedKeyCredential('acc', 'a2V5'));
    const container = service.getContainerClient('data');
    const names: string[] = [];
    for await (const item of container.listBlobsByHierarchy('/', { prefix: 'dir/' })) names.push(item.name);
    expect(names).toEqual(['dir/a b']);
    expect((await container.getBlobClient('dir/a b').downloadToBuffer()).toString()).toBe('hello');
    await expect(container.getBlockBlobClient('new').upload('x', 1)).rejects.toMatchObject({ statusCode: 405 });
  });

  it('never leads out of its folder', async () => {
    await using setup = await setUp();
    await writeFile(join(setup.root, 'secret'), 'secret');
    for (const path of [
      '/acc/data/%2e%2e%2f%2e%2e%2fsecret',
      '/acc/data/..%2f..%2fsecret',
      '/acc%2fdata/x/y',
      '/%2e%2e/secret',
      '/acc/..%2f/secret',
      '/%zz',
    ]) {
      const response = await fetch(setup.origin.url + path);
      expect([400, 404], path).toContain(response.status);
      expect(await response.text()).not.toBe('secret');
    }
  });

  it('goes on with a listing after a restart, and does not walk the folder again otherwise', async () => {
    await using setup = await setUp();
    const names = Array.from({ length: 10 }, (_, index) => `n${index}`);
    for (const name of names) await setup.put(name, 'x');
    const seen: string[] = [];
    let marker: string | undefined;
    do {
      // Another server each time: it knows only the marker.
      await using other = await startBlobOrigin({ root: setup.root });
      await using backend = new AzureBackend({
        name: 'o',
        account: 'acc',
        container: 'data',
        endpoint: other.endpoint('acc'),
        auth: { method: 'anonymous' },
      });
      for await (const page of backend.list({ prefix: '', pageSize: 3, marker })) {
        seen.push(...page.blobs.map(({ path }) => path));
        marker = page.nextMarker;
        break;
      }
    } while (marker !== undefined);
    expect(seen).toEqual(names);
  });

  it('makes every fault that it is asked for, and retries get over them', async () => {
    await using setup = await setUp(
      {
        faults: [
          { kind: 'busy', every: 3 },
          { kind: 'error', every: 4 },
          { kind: 'reset', every: 5 },
          { kind: 'stall', every: 7 },
        ],
      },
      100,
    );
    const content = Buffer.alloc(700_000, 'abc');
    await setup.put('a', content);
    const codes = new Set<string>();
    for (let index = 0; index < 21; index += 1) {
      await Array.fromAsync(setup.backend.read('a', { offset: 0, length: content.length })).catch((error: unknown) =>
        codes.add((error as { code: string }).code),
      );
    }
    expect([...codes].sort()).toEqual(['BLOB_SERVICE', 'BLOB_THROTTLED', 'BLOB_TIMEOUT', 'BLOB_UNREACHABLE']);
    const backend = withRetries(setup.backend, { wait: () => Promise.resolve() });
    const { etag } = await backend.stat('a');
    for (let index = 0; index < 10; index += 1) {
      const pieces = await Array.fromAsync(backend.read('a', { offset: 0, length: content.length, ifMatch: etag }));
      expect(Buffer.concat(pieces).equals(content)).toBe(true);
    }
  });

  it('takes as long as the link would', async () => {
    await using setup = await setUp({ bytesPerSecond: 1_000_000, latencyMs: 30 });
    await setup.put('a', Buffer.alloc(200_000));
    const start = performance.now();
    await Promise.all([0, 1].map((index) => Array.fromAsync(setup.backend.read('a', { offset: index, length: 100_000 }))));
    // 200 kB at 1 MB/s; a lower bound is no race against the machine.
    expect(performance.now() - start).toBeGreaterThan(200);
    delete setup.origin.conditions.bytesPerSecond;
    expect(setup.origin.requests).toEqual({ list: 0, stat: 0, read: 2, write: 0, bytes: 200_000 });
  });

  describe('uploads', () => {
    const blockId = (index: number): string => Buffer.from(String(index).padStart(4, '0')).toString('base64');
    const md5 = (bytes: Buffer): Buffer => hash('md5', bytes, 'buffer');
    const clientOf = ({ origin }: Setup, name: string) => new ContainerClient(`${origin.endpoint('acc')}/data`).getBlockBlobClient(name);
    const bytes = Buffer.alloc(300_000, 'abc');

    it('are kept as files, whole or in blocks, and can be read back', async () => {
      await using setup = await setUp({ uploads: 'keep', checkMd5: true });
      const whole = clientOf(setup, 'dir/whole');
      await whole.upload(bytes, bytes.length, { blobHTTPHeaders: { blobContentMD5: md5(bytes) }, transactionalContentMD5: md5(bytes) });
      const inBlocks = clientOf(setup, 'blocks');
      await expect(inBlocks.getBlockList('uncommitted')).rejects.toMatchObject({ statusCode: 404 });
      for (const index of [2, 0, 1]) {
        const block = bytes.subarray(index * 100_000, (index + 1) * 100_000);
        await inBlocks.stageBlock(blockId(index), block, block.length, { transactionalContentMD5: md5(block) });
      }
      await inBlocks.stageBlock(blockId(7), bytes, bytes.length);
      expect((await inBlocks.getBlockList('uncommitted')).uncommittedBlocks).toHaveLength(4);
      await expect(inBlocks.getProperties()).rejects.toMatchObject({ statusCode: 404 });
      await expect(inBlocks.commitBlockList([blockId(9)])).rejects.toMatchObject({ code: 'InvalidBlockList' });
      await inBlocks.commitBlockList([0, 1, 2].map(blockId), { blobHTTPHeaders: { blobContentMD5: md5(bytes) } });
      for (const blob of [whole, inBlocks]) {
        const { contentLength, contentMD5 } = await blob.getProperties();
        expect([contentLength, Buffer.from(contentMD5!)]).toEqual([bytes.length, md5(bytes)]);
        expect((await blob.downloadToBuffer()).equals(bytes)).toBe(true);
      }
      expect((await inBlocks.getBlockList('uncommitted')).uncommittedBlocks ?? []).toEqual([]);
      expect(setup.origin.requests.write).toBe(7);
      // What is left of blocks is hidden, and gone at the end.
      await setup.origin[Symbol.asyncDispose]();
      expect(await readdir(setup.root)).toEqual(['acc']);
    });

    it('are thrown away on request, and then only length and MD5 are known', async () => {
      await using setup = await setUp({ uploads: 'discard' });
      const blob = clientOf(setup, 'a');
      await blob.stageBlock(blockId(0), bytes, bytes.length);
      await blob.stageBlock(blockId(1), bytes, bytes.length);
      await blob.commitBlockList([0, 1].map(blockId), { blobHTTPHeaders: { blobContentMD5: md5(bytes) } });
      expect(await blob.getProperties()).toMatchObject({ contentLength: 600_000 });
      await clientOf(setup, 'empty').upload('', 0);
      expect(await clientOf(setup, 'empty').getProperties()).toMatchObject({ contentLength: 0 });
      expect(await readdir(join(setup.root, 'acc', 'data'))).toEqual([]);
    });

    it('are compared with their MD5 on request, and never lead out of the folder', async () => {
      for (const checkMd5 of [true, false]) {
        await using setup = await setUp({ uploads: 'keep', checkMd5 });
        const sent = clientOf(setup, 'a').upload('hello', 5, { transactionalContentMD5: md5(bytes) });
        if (checkMd5) await expect(sent).rejects.toMatchObject({ statusCode: 400, code: 'Md5Mismatch' });
        else await sent;
        const response = await fetch(`${setup.origin.url}/acc/data/%2e%2e%2f%2e%2e%2fsecret`, { method: 'PUT', body: 'x' });
        expect(response.status).toBe(400);
        expect(await readdir(setup.root)).not.toContain('secret');
      }
    });
  });

  it('is a program too, which ends on SIGTERM', async () => {
    await using setup = await setUp();
    await setup.put('a', 'hello');
    const main = new URL('../blob-origin/main.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, ['--conditions=@warpforge/source', main, '--root', setup.root, '--fault', 'busy:2'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    expect(await (await fetch(`${url}/acc/data/a`)).text()).toBe('hello');
    expect((await fetch(`${url}/acc/data/a`)).headers.get('x-ms-error-code')).toBe('ServerBusy');
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([0, null]);
  });
});
