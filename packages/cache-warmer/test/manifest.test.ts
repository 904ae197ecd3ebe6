import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  makeManifest,
  ManifestPages,
  parseWarmJobValue,
  publishManifest,
  readManifest,
  type Manifest,
  type ManifestItem,
  type RecordStore,
  type WalkEntry,
} from '../src/index.ts';
import { parseManifest, parsePage } from '../src/manifest/manifest-format.ts';
import { MemoryRecords } from '../src/testing/testing.ts';

const signal = new AbortController().signal;
const JOB = { WarmTargetMountAddresses: ['a', 'b'], WarmTargetExportPath: '/e', WarmTargetPath: '/t/single.exr' };

async function newStore(): Promise<RecordStore> {
  const store = new MemoryRecords('records', () => 0);
  await store.create(signal);
  return store;
}

function file(path: string, size = 1): WalkEntry {
  return { kind: 'file', file: { path, size, mtimeMs: 12.5 } };
}

async function* walked(entries: Iterable<WalkEntry>): AsyncIterable<WalkEntry> {
  await Promise.resolve();
  yield* entries;
}

async function make(store: RecordStore, entries: Iterable<WalkEntry>, job: Readonly<Record<string, unknown>> = {}, walk = 'w1') {
  const parts = { job: 'j', warmJob: parseWarmJobValue({ ...JOB, ...job }), walk, store, onProgress: () => undefined };
  return makeManifest(parts, walked(entries), signal);
}

async function itemsOf(store: RecordStore, { walk, pages }: Manifest): Promise<ManifestItem[]> {
  const reader = new ManifestPages(store);
  const all = await Promise.all(pages.map(({ etag }, page) => reader.page('j', walk, page, etag, signal)));
  return all.flatMap(({ items }) => items);
}

async function namesOf(store: RecordStore, prefix: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of store.list(prefix, signal)) names.push(name);
  return names;
}

describe('a manifest', () => {
  it('holds what the filters leave of a walk, numbered over all pages, and counts the rest', async () => {
    const store = await newStore();
    const entries = [
      ...Array.from({ length: 30_000 }, (_, index) => file(`f${index}.exr`, 2)),
      file('big.exr', 3_000_000_000),
      file('a.tmp'),
      file('large.bin', 1_000),
      { kind: 'skipped', by: 'links' } as const,
      { kind: 'unreadable', failure: { path: 'closed/', reason: 'EACCES' } } as const,
    ];
    const manifest = await make(store, entries, { ExclusionList: ['*.tmp'] });
    expect(manifest).toMatchObject({
      files: 30_002,
      bytes: 60_000 + 3_000_000_000 + 1_000,
      items: 150 + 2 + 1,
      skipped: { inclusion: 0, exclusion: 1, size: 0, links: 1, special: 0 },
      unreadable: [{ path: 'closed/', reason: 'EACCES' }],
      unreadableCount: 1,
    });
    expect(manifest.pages.length).toBeGreaterThan(1);
    let next = 0;
    for (const { first, items } of manifest.pages) {
      expect(first).toBe(next);
      next += items;
    }
    const items = await itemsOf(store, manifest);
    expect(items).toHaveLength(manifest.items);
    expect(new Set(items.flatMap(({ files }) => files.map(({ path }) => path))).size).toBe(30_002);
  });

  it('counts bytes once for each address that reads everything', async () => {
    const store = await newStore();
    const manifest = await make(store, [file('x', 10)], { WarmThroughAllAddresses: true });
    expect(manifest).toMatchObject({ files: 1, bytes: 20, items: 2 });
    expect((await itemsOf(store, manifest)).map(({ address }) => address)).toEqual([0, 1]);
  });

  it('filters a target that is a single file by its own name', async () => {
    const store = await newStore();
    expect(await make(store, [file('.')], { InclusionList: ['*.exr'] })).toMatchObject({ files: 1 });
    expect(await make(store, [file('.')], { InclusionList: ['*.tx'] }, 'w2')).toMatchObject({ files: 0, skipped: { inclusion: 1 } });
  });

  it('is published once: another one is given up for it', async () => {
    const store = await newStore();
    const first = await make(store, [file('x')]);
    const second = await make(store, [file('x'), file('y')], {}, 'w2');
    expect(await readManifest(store, 'j', signal)).toBeUndefined();
    expect(await publishManifest(store, 'j', first, signal)).toEqual(first);
    expect(await publishManifest(store, 'j', second, signal)).toEqual(first);
    expect(await readManifest(store, 'j', signal)).toEqual(first);
    expect(await namesOf(store, 'jobs/j/pages/')).toEqual(['jobs/j/pages/w1/000000.json']);
  });

  it('is published, with its pages, when only the answer was lost', async () => {
    const store = await newStore();
    const manifest = await make(store, [file('x')]);
    await publishManifest(store, 'j', manifest, signal);
    expect(await publishManifest(store, 'j', manifest, signal)).toEqual(manifest);
    expect(await itemsOf(store, manifest)).toHaveLength(1);
  });

  it('has pages of about 1 MiB however long the names are', async () => {
    const store = await newStore();
    const manifest = await make(
      store,
      Array.from({ length: 2_000 }, (_, index) => file(`${'long/'.repeat(400)}${index}`)),
    );
    expect(manifest).toMatchObject({ items: 10, files: 2_000 });
    expect(manifest.pages.map(({ items }) => items)).toEqual([2, 2, 2, 2, 2]);
    expect(await itemsOf(store, manifest)).toHaveLength(10);
  });

  it('keeps the pages that it has read', async () => {
    const store = await newStore();
    const { pages } = await make(store, [file('x')]);
    const reader = new ManifestPages(store);
    const etag = pages[0]?.etag ?? '';
    const page = await reader.page('j', 'w1', 0, etag, signal);
    await store.delete('jobs/j/pages/w1/000000.json', signal);
    expect(await reader.page('j', 'w1', 0, etag, signal)).toBe(page);
  });

  it('refuses a page that is gone, is another one, or cannot be read', async () => {
    const store = await newStore();
    const { pages } = await make(store, [file('x')]);
    const etag = pages[0]?.etag ?? '';
    const name = 'jobs/j/pages/w1/000000.json';
    const reader = (): ManifestPages => new ManifestPages(store);
    await expect(reader().page('j', 'w1', 1, etag, signal)).rejects.toMatchObject({ code: 'MANIFEST_CHANGED' });
    const changed = await store.write(name, '{"version":2}', {}, signal);
    await expect(reader().page('j', 'w1', 0, etag, signal)).rejects.toMatchObject({ code: 'MANIFEST_CHANGED' });
    await expect(reader().page('j', 'w1', 0, changed, signal)).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
  });

  it('of format version 1 is read, whatever the version that writes', () => {
    const read = (name: string): Buffer => readFileSync(new URL(`./fixtures/${name}`, import.meta.url));
    expect(parseManifest(read('manifest-v1.json'), 'm')).toMatchObject({
      walk: 'w',
      items: 2,
      files: 3,
      pages: [{ etag: '"0x1"', first: 0, items: 2 }],
    });
    expect(parsePage(read('page-v1.json'), 'p')).toEqual({
      first: 0,
      items: [
        {
          files: [
            { path: 'a/b', size: 1, mtimeMs: 1764343433123.456 },
            { path: 'c', size: 0, mtimeMs: 0 },
          ],
        },
        { files: [{ path: 'big', size: 2_000_000_000, mtimeMs: 1 }], range: { start: 0, end: 1_572_864_000 }, address: 1 },
      ],
    });
  });
});
