import { readTar, scanTar } from '@warpforge/webdataset';
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

/** What is done with an archive, the same on both sides. */
interface Task {
  readonly question: string;
  readonly theirs: (path: string) => Promise<Found>;
  readonly ours: (path: string) => Promise<Found>;
  readonly commands: readonly string[];
}

/** What a pass over an archive came by; both sides must say the same. */
interface Found {
  readonly members: number;
  readonly bytes: number;
}

const TASKS: readonly Task[] = [
  {
    question: 'Tar scan of 20 KB members from a file',
    theirs: (path) => passWithTarStream(path, false),
    ours: async (path) => {
      let members = 0;
      for await (const { type } of scanTar(path)) if (type === 'file') members++;
      return { members, bytes: 0 };
    },
    commands: ['for await (const member of scanTar(path)) …', 'createReadStream(path).pipe(extract()) … entry.resume()'],
  },
  {
    question: 'Reading 20 KB members from a file with all of their data',
    theirs: (path) => passWithTarStream(path, true),
    ours: async (path) => {
      let [members, bytes] = [0, 0];
      for await (const { member, data } of readTar(path, { reuseMemory: true })) {
        if (member.type === 'file') members++;
        bytes += data.length;
      }
      return { members, bytes };
    },
    commands: [
      'for await (const { member, data } of readTar(path, { reuseMemory: true })) …',
      "createReadStream(path).pipe(extract()) … entry.on('data', …)",
    ],
  },
];

/** Passes over archives in the page cache: with the library, and with tar-stream. */
export async function compareTarScan(folder: string, progress: Progress): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const kind of ['ustar', 'pax'] as const) {
    const path = join(folder, `${kind}.tar`);
    await writeArchive(path, kind);
    for (const task of TASKS) verdicts.push(await compareOn(path, kind, task, progress));
  }
  return verdicts;
}

async function compareOn(path: string, kind: HeaderKind, task: Task, progress: Progress): Promise<Verdict> {
  const question = `${task.question} (${kind === 'pax' ? 'a PAX header each' : 'ustar'}) against tar-stream`;
  progress(question);
  await checkAlike(path, task);
  const contenders = [
    passes('tar-stream', PASSES.theirs, () => task.theirs(path)),
    passes('@warpforge/webdataset', PASSES.ours, () => task.ours(path)),
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
    commands: task.commands,
  };
}

async function checkAlike(path: string, { theirs, ours }: Task): Promise<void> {
  const found = [await theirs(path), await ours(path)].map((side) => JSON.stringify(side));
  if (found[0] !== found[1]) throw new Error(`the two sides found different things: ${found.join(' and ')}`);
}

function passes(name: string, count: number, pass: () => Promise<Found>): Contender {
  return {
    name,
    async measure() {
      const started = performance.now();
      let members = 0;
      for (let done = 0; done < count; done++) members += (await pass()).members;
      return (members * 1000) / (performance.now() - started);
    },
  };
}

async function passWithTarStream(path: string, takesData: boolean): Promise<Found> {
  let [members, bytes] = [0, 0];
  const archive = extract();
  archive.on('entry', (header, stream, next) => {
    if (header.type === 'file') members++;
    if (takesData) stream.on('data', (data) => (bytes += data instanceof Uint8Array ? data.length : 0));
    stream.on('end', next);
    stream.resume();
  });
  await new Promise<void>((resolve, reject) => {
    archive.on('finish', resolve).on('error', reject);
    createReadStream(path).on('error', reject).pipe(archive);
  });
  return { members, bytes };
}
