import { mkdtemp, open, rmdir, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSync } from 'node:fs';
import { runCommand } from './command.ts';
import { isPrivileged } from './unmount.ts';

/** Where a system that has the FUSE control file system shows it. */
const CONTROL_DIRECTORY = '/sys/fs/fuse/connections';

/**
 * The kernel's switch that ends a connection whoever still uses it: `abort` in the FUSE control file system.
 *
 * A thread that blocks in reading requests has no other way to be woken once the mount was taken out of the tree while files were open,
 * and the process could not exit. The file is opened right after mounting and kept, since it can't be reached later on every system.
 */
export class AbortFile implements AsyncDisposable {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /**
   * Opens the switch of one mount.
   *
   * @param device `major:minor` of the mount; the connection's number is the minor one.
   * @returns undefined where the control file system can't be reached.
   */
  static async open(device: string): Promise<AbortFile | undefined> {
    const connection = device.split(':')[1] ?? '';
    const standard = await openSwitch(CONTROL_DIRECTORY, connection);
    if (standard !== undefined) return new AbortFile(standard);
    if (!isPrivileged()) return undefined;
    const own = await openOnOwnMount(connection);
    return own === undefined ? undefined : new AbortFile(own);
  }

  /** Ends the connection: all that wait for it get an error. Does nothing if it has ended. Synchronous, to work while the process exits. */
  abort(): void {
    try {
      writeSync(this.#file.fd, '1');
    } catch {
      // The connection is gone, and with it what the file stood for.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

async function openSwitch(directory: string, connection: string): Promise<FileHandle | undefined> {
  try {
    return await open(join(directory, connection, 'abort'), 'w');
  } catch {
    // Not mounted there, or another user's connection: both mean that this way is closed.
    return undefined;
  }
}

/** Mounts the control file system for a moment: an open file of it stays valid after the mount is gone. */
async function openOnOwnMount(connection: string): Promise<FileHandle | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'fusectl-'));
  try {
    const mounted = await runCommand('mount', ['-i', '-t', 'fusectl', '--', 'fusectl', directory]);
    if (mounted.status !== 0) return undefined;
    const file = await openSwitch(directory, connection);
    await runCommand('umount', ['-i', '-l', '--', directory]);
    return file;
  } finally {
    await rmdir(directory);
  }
}
