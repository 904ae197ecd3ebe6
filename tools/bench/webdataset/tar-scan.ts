import { scanTar } from '@warpforge/webdataset';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { extract } from 'tar-stream';
import type { Progress } from '../reading.ts';
import { compare, ratioOf, type Contender, type Series } from '../rounds.ts';
import type { Verdict } from '../verdict.ts';
import { type HeaderKind, writeArchive } from './shards.ts';

/** What the scanner must reach as a multiple of tar-stream's rate, and what it aims at. */
const BAR = 3;
const AIM = 5;

/** Each measurement passes over the archive until it takes about half a second, so that one collection of garbage is no fifth of it. */
const PASSES = { ours: 8, theirs: 2 };

/** Finds all members of an archive in the page cache: with the library's scanner, and with tar-stream. */
export async function compareTarScan(folder: string, progress: Progress): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const kind of ['ustar', 'pax'] as const) {
    const path = join(folder, `${kind}.tar`);
    await writeArchive(path, kind);
    verdicts.push(await compareOn(path, kind, progress));
  }
  return verdicts;
}

async function compareOn(path: string, kind: HeaderKind, progress: Progress): Promise<Verdict> {
  const question = `Tar scan of 20 KB members from a file (${kind === 'pax' ? 'a PAX header each' : 'ustar'}) against tar-stream`;
  progress(question);
  const contenders = [
    passes('tar-stream', PASSES.theirs, () => scanWithTarStream(path)),
    passes('@warpforge/webdataset', PASSES.ours, () => scanWithOurs(path)),
  ];
  const series = await compare(contenders, (name, round, value) =>
    progress(`  ${round === 0 ? 'warm-up' : `round ${round}`}  ${name}: ${Math.round(value).toLocaleString('en-US')} members/s`),
  );
  const [theirs, ours] = series as [Series, Series];
  return {
    question,
    value: ratioOf(ours, theirs),
    bar: BAR,
    aim: AIM,
    sense: 'at-least',
    unit: 'ratio',
    series,
    seriesUnit: 'members/s',
    commands: ['for await (const member of scanTar(path)) …', 'createReadStream(path).pipe(extract()) … entry.resume()'],
  };
}

function passes(name: string, count: number, scan: () => Promise<number>): Contender {
  return {
    name,
    async measure() {
      const started = performance.now();
      let members = 0;
      for (let pass = 0; pass < count; pass++) members += await scan();
      return (members * 1000) / (performance.now() - started);
    },
  };
}

async function scanWithOurs(path: string): Promise<number> {
  let members = 0;
  for await (const { type } of scanTar(path)) if (type === 'file') members++;
  return members;
}

async function scanWithTarStream(path: string): Promise<number> {
  let members = 0;
  const archive = extract();
  archive.on('entry', (header, stream, next) => {
    if (header.type === 'file') members++;
    stream.on('end', next);
    stream.resume();
  });
  await new Promise<void>((resolve, reject) => {
    archive.on('finish', resolve).on('error', reject);
    createReadStream(path).on('error', reject).pipe(archive);
  });
  return members;
}
