import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { copyFile, mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultIndexDir, IndexCache } from '../src/shard-index/index-cache.ts';
import { INDEX_CHANNEL, type IndexEvent } from '../src/shard-index/index-events.ts';
import { indexPathOf } from '../src/shard-index/index-path.ts';
import { indexShard } from '../src/shard-index/index-shard.ts';
import { findIndex, type IndexProgress, indexShards, loadIndex } from '../src/shard-index/index-shards.ts';
import { formatIndex } from '../src/shard-index/index-text.ts';
import type { CustomShard } from '../src/source/shard-input.ts';
import { encodeMember, END_OF_ARCHIVE } from '../src/tar/writer.ts';
import { temporaryFolder } from './support.ts';
import { pythonPack } from './tar-oracles.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let indexDir: string;
let events: IndexEvent[];
const listen = (event: unknown): void => void events.push(event as IndexEvent);
beforeEach(async () => {
  folder = await temporaryFolder();
  indexDir = join(folder.path, 'indexes');
  events = [];
  subscribe(INDEX_CHANNEL, listen);
});
afterEach(async () => {
  unsubscribe(INDEX_CHANNEL, listen);
  await folder[Symbol.asyncDispose]();
});

/** A shard: samples of a `cls` and a `jpg`, whose sizes depend on their number. */
function tarOf(keys: readonly string[], bytes = 700): Buffer {
  return Buffer.concat([
    ...keys.flatMap((key, number) => [
      ...encodeMember({ name: `${key}.cls`, data: Buffer.from(String(number % 10)), mtime: 0 }),
      ...encodeMember({ name: `${key}.jpg`, data: Buffer.alloc(bytes + number, key), mtime: 0 }),
    ]),
    END_OF_ARCHIVE,
  ]);
}

function keys(count: number, prefix = 'k'): string[] {
  return Array.from({ length: count }, (_, number) => `${prefix}${number}`);
}

/** Writes a shard with a time of its own, as two writes within a clock tick would look the same. */
let time = 1_700_000_000;
async function writeShard(name: string, bytes: Buffer): Promise<string> {
  const path = join(folder.path, name);
  await writeFile(path, bytes);
  await utimes(path, time, time++);
  return path;
}

/** Kills a process, and waits for its end. */
async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

describe('the index beside a shard', () => {
  it('is used where it fits, and nothing else is read or written', async () => {
    const path = await writeShard('a.tar', tarOf(keys(5)));
    await writeFile(indexPathOf(path), formatIndex(await indexShard(path)));
    expect(await findIndex(path, { indexDir })).toEqual(await indexShard(path));
    expect(await indexShards([path], { indexDir, index: 'existing' })).toEqual([5]);
    expect(events).toEqual([]);
    expect((await readdir(folder.path)).sort()).toEqual(['a.idx', 'a.tar']);
  });

  it('is where wds2idx and its readers expect it', () => {
    expect(indexPathOf('/data/train.000.tar')).toBe('/data/train.000.idx');
    expect(indexPathOf('https://host/data/a.tar?sig=1.tar')).toBe('https://host/data/a.idx?sig=1.tar');
  });

  it('is not mistaken for that of other bytes', async () => {
    const original = tarOf(keys(6));
    const text = formatIndex(await indexShard(await writeShard('original.tar', original)));
    const cases: [what: string, bytes: Buffer, reason: RegExp][] = [
      ['samples were added', tarOf(keys(7)), /does not tell of "k6\.cls"/],
      ['it was cut', tarOf(keys(5)), /tells of \d+ bytes more than there are|there is no header/],
      ['other names', tarOf(keys(6, 'x')), /is "x5\.jpg", not "k5\.jpg"/],
      ['other sizes', tarOf(keys(6), 701), /are 706 bytes of data, not 705|there is no header/],
      ['other keys at the front', tarOf(['z0', ...keys(6).slice(1)]), /is "z0\.cls", not "k0\.cls"/],
      ['something else', Buffer.alloc(original.length, 'x'), /there is no header/],
      ['nothing', END_OF_ARCHIVE, /bytes more than there are/],
    ];
    for (const [what, bytes, reason] of cases) {
      events = [];
      const path = await writeShard('a.tar', bytes);
      await writeFile(indexPathOf(path), text);
      expect(await findIndex(path, { indexDir }), what).toBeUndefined();
      expect(events, what).toEqual([expect.objectContaining({ kind: 'ignored', shard: path, path: indexPathOf(path) })]);
      expect((events[0] as Extract<IndexEvent, { kind: 'ignored' }>).error.message, what).toMatch(reason);
    }
  });

  it('with the wrong offsets that wds2idx makes of PAX archives, by way of GNU tar, is ignored', async () => {
    const path = join(folder.path, 'pax.tar');
    const files = keys(4).flatMap((key) =>
      ['cls', 'jpg'].map((field) => ({ name: `${key}.${field}`, data: 'aa'.repeat(600), mtime: 1.5 })),
    );
    pythonPack([{ path, format: 2, files }]);
    // As its tar variant does: the place of the next header, less the size, in whole blocks.
    const listing = execFileSync('tar', ['--list', '--block-num', '--file', path], { encoding: 'utf8' });
    const headers = [...listing.matchAll(/^block (\d+): (.*)$/gm)].map(([, block, name]) => ({ block: Number(block), name: name! }));
    const components = headers.slice(0, -1).map(({ name }, at) => {
      const offset = headers[at + 1]!.block * 512 - 600;
      return `${name.split('.')[1]!} ${offset - (offset % 512)} 600 ${name}`;
    });
    const lines = keys(4).map((_, sample) => components.slice(2 * sample, 2 * sample + 2).join(' '));
    await writeFile(indexPathOf(path), `v1.2 4\n${lines.join('\n')}\n`);
    expect(await findIndex(path, { indexDir })).toBeUndefined();
    expect(events).toMatchObject([{ kind: 'ignored' }]);
    // While that of its other variant is right.
    await writeFile(indexPathOf(path), formatIndex(await indexShard(path)));
    expect((await findIndex(path, { indexDir }))?.samples.length).toBe(4);
  });

  it('may be followed by members that are no samples', async () => {
    const archive = tarOf(keys(3));
    const path = await writeShard(
      'a.tar',
      Buffer.concat([
        archive.subarray(0, -END_OF_ARCHIVE.length),
        ...encodeMember({ name: 'README', data: Buffer.alloc(3000, 'x'), mtime: 0 }),
        END_OF_ARCHIVE,
      ]),
    );
    await writeFile(indexPathOf(path), formatIndex(await indexShard(path)));
    expect((await findIndex(path, { indexDir }))?.samples.length).toBe(3);
    await writeFile(path, Buffer.concat([archive.subarray(0, -END_OF_ARCHIVE.length), Buffer.alloc(5000, 'x')]));
    expect(await findIndex(path, { indexDir })).toBeUndefined();
    expect(events).toMatchObject([{ error: { message: expect.stringContaining('behind its last sample is something else') as string } }]);
  });

  it('that is malformed, or no file, counts as none, and says so', async () => {
    const path = await writeShard('a.tar', tarOf(keys(2)));
    await writeFile(indexPathOf(path), 'v1.2 1\n');
    expect(await findIndex(path, { indexDir })).toBeUndefined();
    await writeFile(indexPathOf(path), Buffer.from([0xff, 0xfe, 0x0a]));
    expect(await findIndex(path, { indexDir })).toBeUndefined();
    await rm(indexPathOf(path));
    await mkdir(indexPathOf(path));
    expect(await findIndex(path, { indexDir })).toBeUndefined();
    expect(events.map((event) => ('error' in event ? event.error.code : ''))).toEqual(['WDS_BAD_INDEX', 'WDS_BAD_INDEX', 'WDS_READ']);
    expect(await indexShards([path], { indexDir })).toEqual([2]);
  });

  it('is used for counts in format v1.1, which has no names', async () => {
    const path = await writeShard('a.tar', tarOf(keys(3)));
    const text = formatIndex(await indexShard(path))
      .replace('v1.2', 'v1.1')
      .replace(/ \S+\.(cls|jpg)/g, '');
    await writeFile(indexPathOf(path), text);
    expect((await findIndex(path, { indexDir }))?.samples.map(({ key }) => key)).toEqual([undefined, undefined, undefined]);
    expect(await indexShards([path], { indexDir, index: 'existing' })).toEqual([3]);
  });

  it('is an empty one for an archive without samples', async () => {
    const path = await writeShard('a.tar', END_OF_ARCHIVE);
    await writeFile(indexPathOf(path), 'v1.2 0\n');
    expect(await findIndex(path, { indexDir })).toEqual({ samples: [] });
    await writeFile(path, tarOf(keys(1)));
    expect(await findIndex(path, { indexDir })).toBeUndefined();
  });
});

describe('the folder of indexes', () => {
  it('keeps the index of each shard that was read, by its name, size and time, wherever it lies', async () => {
    const path = await writeShard('a.tar', tarOf(keys(5)));
    expect(await findIndex(path, { indexDir })).toBeUndefined();
    expect(await loadIndex(path, { indexDir })).toEqual(await indexShard(path));
    expect(events).toEqual([{ kind: 'built', shard: path, samples: 5 }]);
    expect(await loadIndex(path, { indexDir })).toEqual(await indexShard(path));
    expect(await indexShards([path], { indexDir, index: 'existing' })).toEqual([5]);
    expect(events.length).toBe(1);

    const elsewhere = join(folder.path, 'elsewhere');
    await mkdir(elsewhere);
    await copyFile(path, join(elsewhere, 'a.tar'));
    const { atime, mtime } = await stat(path);
    await utimes(join(elsewhere, 'a.tar'), atime, mtime);
    expect((await findIndex(join(elsewhere, 'a.tar'), { indexDir }))?.samples.length).toBe(5);
    await utimes(join(elsewhere, 'a.tar'), atime, 1);
    expect(await findIndex(join(elsewhere, 'a.tar'), { indexDir })).toBeUndefined();
    // Beside the shards nothing was written.
    expect((await readdir(folder.path)).sort()).toEqual(['a.tar', 'elsewhere', 'indexes']);
    expect(await readdir(elsewhere)).toEqual(['a.tar']);
  });

  it('does not take a shard for another one of the same name, size and time', async () => {
    const path = await writeShard('a.tar', tarOf(keys(3)));
    const { atime, mtime } = await stat(path);
    await loadIndex(path, { indexDir });
    await writeFile(path, tarOf(keys(3, 'z')));
    await utimes(path, atime, mtime);
    expect((await loadIndex(path, { indexDir })).samples.map(({ key }) => key)).toEqual(['z0', 'z1', 'z2']);
    expect(events.map(({ kind }) => kind)).toEqual(['built', 'ignored', 'built']);
  });

  it('mends an index that was damaged', async () => {
    const path = await writeShard('a.tar', tarOf(keys(5)));
    await loadIndex(path, { indexDir });
    const [name] = await readdir(indexDir);
    const text = await readFile(join(indexDir, name!), 'utf8');
    for (const damage of ['', text.slice(0, 40), `${text}x`, 'v1.2 0\n']) {
      await writeFile(join(indexDir, name!), damage);
      expect((await loadIndex(path, { indexDir })).samples.length).toBe(5);
      expect(await readFile(join(indexDir, name!), 'utf8')).toBe(text);
    }
    expect(await readdir(indexDir)).toEqual([name]);
  });

  it('that cannot be written leaves indexes in memory, and says so', async () => {
    const path = await writeShard('a.tar', tarOf(keys(4)));
    await writeFile(indexDir, 'a file, so that nothing can be below');
    expect(await indexShards([path], { indexDir })).toEqual([4]);
    expect(events).toMatchObject([
      { kind: 'built', shard: path, samples: 4 },
      {
        kind: 'not-stored',
        shard: path,
        error: { code: 'WDS_WRITE', message: expect.stringContaining('choose another one (indexDir)') as string },
      },
    ]);
  });

  it('keeps what the format cannot hold without names: the counts stay', async () => {
    const path = await writeShard('a.tar', tarOf(['one two', 'three']));
    expect((await loadIndex(path, { indexDir })).samples.map(({ key }) => key)).toEqual(['one two', 'three']);
    const [name] = await readdir(indexDir);
    expect(await readFile(join(indexDir, name!), 'utf8')).toMatch(/^v1\.1 2\n/);
    expect(await indexShards([path], { indexDir, index: 'existing' })).toEqual([2]);
  });

  it('keeps the indexes of each rule of names apart, and apart from those beside shards', async () => {
    const path = await writeShard('a.tar', tarOf(keys(4)));
    await writeFile(indexPathOf(path), formatIndex(await indexShard(path)));
    const rule = { url: 'file:///rule.js', splitName: (name: string) => ({ key: 'all', field: name.toLowerCase() }) };
    expect(await indexShards([path], { indexDir, rule })).toEqual([1]);
    expect(await indexShards([path], { indexDir, rule, index: 'existing' })).toEqual([1]);
    expect(await indexShards([path], { indexDir })).toEqual([4]);
    await expect(indexShards([path], { indexDir, index: 'existing', rule: { ...rule, url: 'file:///other.js' } })).rejects.toThrow(
      expect.objectContaining({ code: 'WDS_INDEX_REQUIRED' }),
    );
  });

  it('is in the cache directory of the user by default', () => {
    expect(defaultIndexDir({ XDG_CACHE_HOME: '/cache' })).toBe('/cache/warpforge/webdataset');
    expect(defaultIndexDir({ XDG_CACHE_HOME: 'relative' })).toMatch(/\/\.cache\/warpforge\/webdataset$/);
    expect(defaultIndexDir({})).toMatch(/\/\.cache\/warpforge\/webdataset$/);
  });

  it('is shared by processes that write the same indexes, one of them killed: no half index, nothing left behind', async () => {
    const cache = new IndexCache(indexDir);
    const key = { name: 'a.tar', size: 1, mtimeMs: 1, splitName: undefined };
    // Of some megabytes, so that a write takes long enough to be interrupted.
    const line = (sample: number): string => `jpg ${512 + 1024 * sample} 512 ${'n'.repeat(60)}${sample}.jpg\n`;
    const text = `v1.2 20000\n${Array.from({ length: 20_000 }, (_, sample) => line(sample)).join('')}`;
    const source = join(folder.path, 'index.txt');
    await writeFile(source, text);
    const program = `
      import { readFileSync } from 'node:fs';
      import { IndexCache } from ${JSON.stringify(join(import.meta.dirname, '../src/shard-index/index-cache.ts'))};
      const cache = new IndexCache(${JSON.stringify(indexDir)});
      const text = readFileSync(${JSON.stringify(source)}, 'utf8');
      process.stdout.write('.');
      for (;;) await cache.write(cache.pathOf(${JSON.stringify(key)}), text);`;
    const writers = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] }),
    );
    try {
      await Promise.all(writers.map((writer) => once(writer.stdout, 'data')));
      let complete = 0;
      for (let read = 0; read < 60 || complete < 30; read++) {
        const bytes = await cache.read(cache.pathOf(key));
        if (bytes !== undefined) {
          expect(bytes.length).toBe(text.length);
          complete++;
        }
        if (read === 30) writers[0]!.kill('SIGKILL');
      }
    } finally {
      await Promise.all(writers.map(kill));
    }
    // What the killed ones left goes when the next process writes.
    await new IndexCache(indexDir).write(cache.pathOf({ ...key, name: 'b.tar' }), 'v1.2 0\n');
    expect((await readdir(indexDir)).length).toBe(2);
    expect(await readFile(cache.pathOf(key), 'utf8')).toBe(text);
  });

  it('is filled by several processes at the same time, which agree', async () => {
    const paths: string[] = [];
    for (let shard = 0; shard < 12; shard++) paths.push(await writeShard(`s${shard}.tar`, tarOf(keys(shard + 1), 3000)));
    const program = `
      import { indexShards } from ${JSON.stringify(join(import.meta.dirname, '../src/shard-index/index-shards.ts'))};
      const counts = await indexShards(${JSON.stringify(paths)}, { indexDir: ${JSON.stringify(indexDir)} });
      console.log(JSON.stringify(counts));`;
    const outputs = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const ranks = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
        let output = '';
        ranks.stdout.setEncoding('utf8').on('data', (piece: string) => (output += piece));
        await once(ranks, 'close');
        return output.trim();
      }),
    );
    expect(new Set(outputs)).toEqual(new Set([JSON.stringify(paths.map((_, shard) => shard + 1))]));
    expect((await readdir(indexDir)).length).toBe(12);
    expect(await indexShards(paths, { indexDir, index: 'existing' })).toEqual(paths.map((_, shard) => shard + 1));
  });
});

describe('indexing many shards', () => {
  it('tells the samples of each, in the order of the list, and how far it is', async () => {
    const paths: string[] = [];
    for (let shard = 0; shard < 9; shard++) paths.push(await writeShard(`s${shard}.tar`, tarOf(keys((shard * 5) % 7))));
    const progress: IndexProgress[] = [];
    expect(await indexShards(paths, { indexDir, concurrency: 3, onProgress: (step) => progress.push(step) })).toEqual([
      0, 5, 3, 1, 6, 4, 2, 0, 5,
    ]);
    expect(progress.map(({ done, total, built }) => [done, total, built])).toEqual(
      Array.from({ length: 9 }, (_, done) => [done + 1, 9, true]),
    );
    expect(new Set(progress.map(({ shard }) => shard))).toEqual(new Set(paths));
    progress.length = 0;
    await indexShards(paths, { indexDir, index: 'existing', onProgress: (step) => progress.push(step) });
    expect(progress.some(({ built }) => built)).toBe(false);
    expect(await indexShards([], { indexDir })).toEqual([]);
  });

  it('is refused by `existing`, with the names of the shards and what is wrong with their indexes', async () => {
    const good = await writeShard('good.tar', tarOf(keys(2)));
    await writeFile(indexPathOf(good), formatIndex(await indexShard(good)));
    const stale = await writeShard('stale.tar', tarOf(keys(3)));
    await writeFile(indexPathOf(stale), formatIndex(await indexShard(good)));
    const bare = await writeShard('bare.tar', tarOf(keys(3)));
    const failing = indexShards([good, stale, bare], { indexDir, index: 'existing' });
    await expect(failing).rejects.toThrow(expect.objectContaining({ code: 'WDS_INDEX_REQUIRED' }));
    await expect(failing).rejects.toThrow(/^2 of 3 shards have no index: .*webdataset index/);
    await expect(failing).rejects.toThrow(`${stale} (${indexPathOf(stale)}: the index is not that of the shard`);
    const { message } = (await failing.catch((error: unknown) => error)) as Error;
    expect(message.indexOf(stale), 'in the order of the list').toBeLessThan(message.indexOf(bare));
    await expect(indexShards([good], { indexDir, concurrency: 0 })).rejects.toThrow(/concurrency must be/);
    const many = Array.from({ length: 14 }, () => bare);
    await expect(indexShards(many, { indexDir, index: 'existing' })).rejects.toThrow(/14 of 14 shards have no index: .* and 4 more; run/);
    expect(await readdir(folder.path)).not.toContain('indexes');
  });

  it('ends with the first shard that is missing or damaged, and stores no index of a part', async () => {
    const good = await writeShard('good.tar', tarOf(keys(2)));
    expect(await indexShards([good], { indexDir })).toEqual([2]);
    await expect(indexShards([good, join(folder.path, 'missing.tar')], { indexDir })).rejects.toThrow(
      expect.objectContaining({ code: 'WDS_READ' }),
    );
    const cut = await writeShard('cut.tar', tarOf(keys(9)));
    await truncate(cut, 5000);
    await expect(indexShards([good, cut], { indexDir })).rejects.toThrow(expect.objectContaining({ code: 'WDS_TRUNCATED', shard: cut }));
    expect((await readdir(indexDir)).length).toBe(1);
  });

  it('can be aborted', async () => {
    const paths: string[] = [];
    for (let shard = 0; shard < 6; shard++) paths.push(await writeShard(`s${shard}.tar`, tarOf(keys(3))));
    const controller = new AbortController();
    const onProgress = ({ done }: IndexProgress): void => {
      if (done === 2) controller.abort(new Error('enough'));
    };
    await expect(indexShards(paths, { indexDir, concurrency: 1, signal: controller.signal, onProgress })).rejects.toThrow('enough');
    expect((await readdir(indexDir)).length).toBe(2);
    await expect(findIndex(paths[0]!, { indexDir, signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
  });

  it('does not store the index of a shard that changes meanwhile', async () => {
    const path = await writeShard('a.tar', tarOf(keys(3)));
    const onBuilt = (event: unknown): void => {
      if ((event as IndexEvent).kind === 'built') execFileSync('touch', ['-d', '2001-01-01', path]);
    };
    subscribe(INDEX_CHANNEL, onBuilt);
    try {
      expect((await loadIndex(path, { indexDir })).samples.length).toBe(3);
    } finally {
      unsubscribe(INDEX_CHANNEL, onBuilt);
    }
    expect(events.at(-1)).toMatchObject({ kind: 'not-stored', error: { code: 'WDS_CHANGED' } });
    expect(await readdir(folder.path)).toEqual(['a.tar']);
  });
});

describe('shards that are no plain files', () => {
  it('compressed ones have the offsets of the plain bytes, in the folder of indexes only', async () => {
    const plain = tarOf(keys(6));
    const expected = await indexShard(await writeShard('plain.tar', plain));
    for (const name of ['a.tar.gz', 'lies.tar']) {
      events = [];
      const path = await writeShard(name, gzipSync(plain));
      // Even one that would be right is not asked: nobody says of which bytes it tells.
      await writeFile(indexPathOf(path), formatIndex(expected));
      expect(await findIndex(path, { indexDir }), name).toBeUndefined();
      expect(await loadIndex(path, { indexDir })).toEqual(expected);
      expect(await findIndex(path, { indexDir })).toEqual(expected);
      expect(events.map(({ kind }) => kind)).toEqual(['built']);
      await rm(indexPathOf(path));
    }
    expect((await readdir(folder.path)).sort()).toEqual(['a.tar.gz', 'indexes', 'lies.tar', 'plain.tar']);
  });

  it('custom ones are read each time, as nothing tells whether they are still the same', async () => {
    let opened = 0;
    const shard: CustomShard = { name: 'mine', open: () => (opened++, tarOf(keys(3))) };
    expect(await indexShards([shard], { indexDir })).toEqual([3]);
    expect(await indexShards([shard], { indexDir })).toEqual([3]);
    expect(opened).toBe(2);
    expect(events.map(({ kind }) => kind)).toEqual(['built', 'not-stored', 'built', 'not-stored']);
    await expect(indexShards([shard], { indexDir, index: 'existing' })).rejects.toThrow(/1 of 1 shards have no index: mine;/);
  });
});
