import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MountError } from '../errors.ts';
import { readDaemonPlace } from './daemon-config.ts';
import { DaemonProcess } from './daemon-process.ts';
import { findMount, MOUNT_TABLE } from './mount-table.ts';
import type { Mount } from './mounter.ts';

/** How backends of the Warpforge daemon are found. */
export interface WarpforgeMounterOptions {
  /** The daemon's configuration. */
  readonly config: string;
  /** Program and first arguments of the daemon's command. Default: `warpdrive`. */
  readonly command?: readonly [string, ...string[]];
  /** Text in the format of `/proc/self/mountinfo`. Default: that file. */
  readonly readMountTable?: () => Promise<string>;
}

interface SharedDaemon {
  readonly process: Promise<DaemonProcess>;
  users: number;
}

/** Backends of the Warpforge daemon of this machine. Where it is not running it is started, and ends with the last mount. */
export class WarpforgeMounter {
  readonly #options: Required<WarpforgeMounterOptions>;
  #daemon: SharedDaemon | undefined;

  constructor({ config, command = ['warpdrive'], readMountTable = () => readFile(MOUNT_TABLE, 'utf8') }: WarpforgeMounterOptions) {
    this.#options = { config, command, readMountTable };
  }

  /** @throws {MountError} */
  async mount(backend: string, signal: AbortSignal): Promise<Mount> {
    const { config, readMountTable } = this.#options;
    const { mountPoint, mountPath } = await readDaemonPlace(config, backend, signal);
    const path = join(mountPoint, mountPath);
    if (this.#daemon === undefined) {
      const there = findMount(await readMountTable(), mountPoint);
      if (there?.type.startsWith('fuse') === true) return { path, [Symbol.asyncDispose]: () => Promise.resolve() };
      if (there !== undefined) throw new MountError(`${mountPoint} is taken: ${there.source} (${there.type}) is mounted there; unmount it`);
    }
    return { path, [Symbol.asyncDispose]: await this.#useDaemon(signal) };
  }

  /** @returns what ends the use. */
  async #useDaemon(signal: AbortSignal): Promise<() => Promise<void>> {
    const { command, config } = this.#options;
    // Looked up and set without a pause, so that two users never start two.
    this.#daemon ??= { process: DaemonProcess.start([...command, 'serve', '--config', config], signal), users: 0 };
    const daemon = this.#daemon;
    daemon.users += 1;
    const leave = async (): Promise<void> => {
      daemon.users -= 1;
      if (daemon.users > 0) return;
      if (this.#daemon === daemon) this.#daemon = undefined;
      await (await daemon.process)[Symbol.asyncDispose]();
    };
    try {
      await daemon.process;
    } catch (error) {
      if (this.#daemon === daemon) this.#daemon = undefined;
      throw error;
    }
    return leave;
  }
}
