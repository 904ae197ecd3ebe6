import { mkdir, readFile, rmdir } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { MountError } from '../errors.ts';
import { findMount, MOUNT_TABLE } from './mount-table.ts';
import type { Mount, MountSource } from './mounter.ts';
import { runProgram, type ProgramEnd, type RunProgram } from './run-program.ts';

/** Those of the CacheWarmer for Avere vFXT, read-only: a read waits for its server rather than failing, so a restarted node loses nothing. */
const OPTIONS = 'ro,hard,nointr,proto=tcp,mountproto=tcp,retry=30';
/** `retry` is in minutes, and other addresses could be read through meanwhile. A host that is up answers within seconds. */
const MOUNT_LIMIT_MS = 60_000;
/** Unmounting waits for a server that does not answer; then only the name is taken away. */
const UNMOUNT_LIMIT_MS = 10_000;

/** How exports are mounted. */
export interface NfsMounterOptions {
  /** Directory under which mount points are made. */
  readonly root: string;
  /** Default: programs of this machine. */
  readonly run?: RunProgram;
  /** Text in the format of `/proc/self/mountinfo`. Default: that file. */
  readonly readMountTable?: () => Promise<string>;
}

/** Mounts exports with the NFS client of the kernel, each at `ROOT/HOST/EXPORT`. */
export class NfsMounter {
  readonly #root: string;
  readonly #run: RunProgram;
  readonly #readMountTable: () => Promise<string>;

  constructor({ root, run = runProgram, readMountTable = () => readFile(MOUNT_TABLE, 'utf8') }: NfsMounterOptions) {
    this.#root = root;
    this.#run = run;
    this.#readMountTable = readMountTable;
  }

  /** An export that is mounted there already is used, and stays mounted. @throws {MountError} */
  async mount({ host, exportPath }: Extract<MountSource, { kind: 'nfs' }>, signal: AbortSignal): Promise<Mount> {
    // An IPv6 address has colons, of which one would end the host.
    const source = `${host.includes(':') ? `[${host}]` : host}:${exportPath}`;
    const path = join(this.#root, host, normalize(`/${exportPath}`)).replace(/(?<=.)\/$/, '');
    const there = findMount(await this.#readMountTable(), path);
    if (there !== undefined) {
      if (/^nfs4?$/.test(there.type) && there.source === source) return { path, [Symbol.asyncDispose]: () => Promise.resolve() };
      throw new MountError(`${path} is taken: ${there.source} (${there.type}) is mounted there, and not ${source}; unmount it`);
    }
    await this.#makeMountPoint(path);
    const limit = AbortSignal.timeout(MOUNT_LIMIT_MS);
    let end: ProgramEnd;
    try {
      end = await this.#run('mount', ['-t', 'nfs', '-o', OPTIONS, source, path], AbortSignal.any([signal, limit]));
    } catch (cause) {
      await this.#unmount(path).catch(() => undefined);
      signal.throwIfAborted();
      throw new MountError(`${source} was not mounted within ${MOUNT_LIMIT_MS / 1000} s: ${adviceFor(host).unreachable}`, { cause });
    }
    if (end.code !== 0) {
      await removeMountPoint(path);
      throw new MountError(`${source} could not be mounted: ${reasonOf(end, host)}`);
    }
    return { path, [Symbol.asyncDispose]: () => this.#unmount(path) };
  }

  async #makeMountPoint(path: string): Promise<void> {
    try {
      await mkdir(path, { recursive: true });
    } catch (cause) {
      throw new MountError(
        `the mount point ${path} could not be made (${String(cause)}); run the worker as root, or give it another mount root`,
        {
          cause,
        },
      );
    }
  }

  async #unmount(path: string): Promise<void> {
    let end: ProgramEnd;
    try {
      end = await this.#run('umount', [path], AbortSignal.timeout(UNMOUNT_LIMIT_MS));
    } catch {
      end = { code: 'killed', stderr: 'it took too long' };
    }
    if (end.code !== 0) end = await this.#run('umount', ['-l', path], AbortSignal.timeout(UNMOUNT_LIMIT_MS));
    if (end.code !== 0)
      throw new MountError(`${path} could not be unmounted (${end.stderr.trim()}); unmount it by hand: umount -l ${path}`);
    await removeMountPoint(path);
  }
}

/** One that is not empty, or is still mounted, stays. */
async function removeMountPoint(path: string): Promise<void> {
  await rmdir(path).catch(() => undefined);
}

function adviceFor(host: string): { unreachable: string } {
  return { unreachable: `${host} does not answer; check that it is up and that this machine reaches its TCP ports 111 and 2049` };
}

/** What mount(8) and mount.nfs(8) say, and what to do about it. */
function reasonOf({ code, stderr }: ProgramEnd, host: string): string {
  const said = stderr.trim().replaceAll(/\s*\n\s*/g, '; ');
  if (code === 'missing') return 'this machine has no program mount; install the packages mount and nfs-common';
  const told = said === '' ? `mount ended with ${code}` : said;
  if (/bad option|unknown filesystem type|mount\.nfs.*not found|helper program/.test(said)) {
    return `this machine has no NFS client; install it: apt-get install nfs-common (${told})`;
  }
  if (/access denied|permission denied|not permitted|only root|must be superuser/i.test(said)) {
    return `access was denied; check that the export's rules allow this machine and that the worker runs as root (${told})`;
  }
  if (/No such file or directory/i.test(said)) return `${host} does not export that path (${told})`;
  if (/timed out|no route|unreachable|refused|resolve|not known/i.test(said)) return `${adviceFor(host).unreachable} (${told})`;
  return told;
}
