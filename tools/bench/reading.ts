import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { fio, fioArguments, type FioRead } from './fio.ts';
import type { WarmMount } from './mounts.ts';
import type { Verdict } from './verdict.ts';
import { compare, ratioOf, type Contender, type Series } from './rounds.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** Small enough to stay in the page cache of the disk together with its copies. Loads pass over it until one takes more than a second. */
const FILE_BYTES = GIB;
export const FILE_NAME = 'sequential.bin';

/** What passthrough must reach of the native file's rate; the aim is 1.0. */
const PASSTHROUGH_BAR = 0.85;
/** What the daemon must reach as a multiple of rclone's rate. */
const PEER_BAR = 1.5;

type Load = Omit<FioRead, 'file'>;

const SEQUENTIAL: Load = { pattern: 'read', blockSize: '1M', totalBytes: 16 * GIB, dropPages: false };
const RANDOM: Load = { pattern: 'randread', blockSize: '4k', totalBytes: 2 * GIB, dropPages: false };
/** Through a daemon: one pass, so that no page that the kernel kept answers; fewer random reads, since each takes longer. */
const DAEMON_SEQUENTIAL: Load = { ...SEQUENTIAL, totalBytes: GIB, dropPages: true };
const DAEMON_RANDOM: Load = { ...RANDOM, totalBytes: 128 * MIB, dropPages: true };

/** Tells the outside world what is going on. */
export type Progress = (line: string) => void;

/** Writes the file that all readers read: bytes that no file system or cache could compress or share. */
export async function writeOrigin(folder: string): Promise<void> {
  const file = await open(join(folder, FILE_NAME), 'w');
  try {
    for (let index = 0; index < FILE_BYTES / MIB; index++) {
      await file.write(createHash('shake256', { outputLength: MIB }).update(String(index)).digest());
    }
  } finally {
    await file.close();
  }
}

/** Reads through the mount with passthrough against the same file read natively; both from the page cache of the disk. */
export async function compareWithNative(origin: string, mount: WarmMount, progress: Progress): Promise<Verdict[]> {
  const native = join(origin, FILE_NAME);
  const mounted = join(mount.mountPoint, FILE_NAME);
  const served = await mount.servedBytes?.();
  const verdicts: Verdict[] = [];
  for (const [load, what] of [
    [SEQUENTIAL, 'sequential 1 MiB'],
    [RANDOM, 'random 4 KiB'],
  ] as const) {
    const contenders = [contender('native file', native, load), contender('warpdrive, passthrough', mounted, load)];
    const question = `Warm ${what} reads: mount with passthrough against the native file`;
    verdicts.push(verdictOf(question, PASSTHROUGH_BAR, load, mount.commands, await race(question, contenders, load, progress)));
  }
  if ((await mount.servedBytes?.()) !== served) throw new Error('the daemon served reads itself: the file was not passed through');
  return verdicts;
}

/** Reads that the daemons answer, from caches that are complete and in the page cache of the disk: ours without passthrough, and rclone. */
export async function compareWithPeer(ours: WarmMount, peer: WarmMount, progress: Progress): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const [load, what] of [
    [DAEMON_SEQUENTIAL, 'sequential 1 MiB'],
    [DAEMON_RANDOM, 'random 4 KiB'],
  ] as const) {
    const contenders = [
      contender('rclone mount, full VFS cache', join(peer.mountPoint, FILE_NAME), load),
      guarded(contender('warpdrive, passthrough off', join(ours.mountPoint, FILE_NAME), load), ours, load.totalBytes),
    ];
    const question = `Warm ${what} reads: daemon without passthrough against rclone mount`;
    const commands = [...ours.commands, ...peer.commands];
    verdicts.push(verdictOf(question, PEER_BAR, load, commands, await race(question, contenders, load, progress)));
  }
  return verdicts;
}

function contender(name: string, file: string, load: Load): Contender {
  return {
    name,
    async measure() {
      const { bytesPerSecond, readsPerSecond } = await fio({ file, ...load });
      return load.pattern === 'read' ? bytesPerSecond / 1e6 : readsPerSecond;
    },
  };
}

/** Fails a measurement in which the kernel answered from pages that it had kept: it would not have measured the daemon. */
function guarded(inner: Contender, mount: WarmMount, bytes: number): Contender {
  return {
    name: inner.name,
    async measure() {
      const before = (await mount.servedBytes?.()) ?? 0;
      const value = await inner.measure();
      const served = ((await mount.servedBytes?.()) ?? 0) - before;
      if (served < bytes) throw new Error(`the daemon served ${served} of ${bytes} bytes: the kernel's pages were measured instead`);
      return value;
    },
  };
}

async function race(question: string, contenders: readonly Contender[], load: Load, progress: Progress): Promise<Series[]> {
  progress(question);
  return compare(contenders, (name, round, value) =>
    progress(`  ${round === 0 ? 'warm-up' : `round ${round}`}  ${name}: ${Math.round(value).toLocaleString('en-US')} ${unitOf(load)}`),
  );
}

function unitOf({ pattern }: Load): string {
  return pattern === 'read' ? 'MB/s' : 'reads/s';
}

function verdictOf(question: string, bar: number, load: Load, mounts: readonly string[], series: readonly Series[]): Verdict {
  const [reference, measured] = series as [Series, Series];
  return {
    question,
    value: ratioOf(measured, reference),
    bar,
    sense: 'at-least',
    unit: 'ratio',
    series,
    seriesUnit: unitOf(load),
    commands: [...mounts, `fio ${fioArguments({ file: '<file>', ...load }).join(' ')}`],
  };
}
