import type { InodeNumber, OpenFile } from '../file-system.ts';
import { publishFault } from '../events.ts';
import type { Libc } from '../libc.ts';
import { DeviceIoctl } from '../protocol/constants.ts';

/** How all open handles of one inode are read: from a backing file with this id, or through the daemon (undefined). */
type Mode = number | undefined;

interface OpenInode {
  /** Decided by the first handle. */
  readonly mode: Promise<Mode>;
  handles: number;
}

/**
 * Decides for each open inode whether the kernel reads it from a backing file by itself (FUSE passthrough).
 *
 * The kernel fails an open with EIO if handles of one inode differ in this, so the first handle decides for all until the last is
 * released; and one backing file is registered once for all handles of the inode, since a second id counts as another file.
 */
export class Passthrough {
  readonly #deviceFd: number;
  readonly #libc: Pick<Libc, 'ioctl'>;
  readonly #inodes = new Map<InodeNumber, OpenInode>();
  #refused = false;

  constructor(deviceFd: number, libc: Pick<Libc, 'ioctl'>) {
    this.#deviceFd = deviceFd;
    this.#libc = libc;
  }

  /**
   * Counts one more handle of an inode in, and tells how it is read.
   *
   * @param file the new handle; asked for its descriptor only if it is the first of its inode.
   * @returns the id of the backing file to name in the reply, or undefined for reads through the daemon. Every call is to be undone by
   *   one of {@link release}.
   */
  async open(inode: InodeNumber, file: OpenFile): Promise<number | undefined> {
    let open = this.#inodes.get(inode);
    if (open === undefined) {
      open = { mode: this.#decide(file), handles: 0 };
      this.#inodes.set(inode, open);
    }
    open.handles++;
    return open.mode;
  }

  /** Counts a handle out. The last one of an inode closes its backing id; the kernel keeps the file open for as long as it needs. */
  async release(inode: InodeNumber): Promise<void> {
    const open = this.#inodes.get(inode);
    if (open === undefined || --open.handles > 0) return;
    this.#inodes.delete(inode);
    const id = await open.mode;
    if (id !== undefined) this.#close(id);
  }

  async #decide(file: OpenFile): Promise<Mode> {
    if (this.#refused || file.passthroughFd === undefined) return undefined;
    try {
      const fd = await file.passthroughFd();
      return fd === undefined ? undefined : this.#register(fd);
    } catch (error) {
      publishFault('file-system', error);
      return undefined;
    }
  }

  /** The kernel refuses without CAP_SYS_ADMIN, or if the cache lies on a stacked file system such as overlayfs: then it always will. */
  #register(fd: number): Mode {
    const argument = Buffer.alloc(16);
    argument.writeInt32LE(fd, 0);
    try {
      return this.#libc.ioctl(this.#deviceFd, DeviceIoctl.backingOpen, argument);
    } catch (error) {
      this.#refused = true;
      publishFault('passthrough', error);
      return undefined;
    }
  }

  #close(id: number): void {
    const argument = Buffer.alloc(4);
    argument.writeUInt32LE(id, 0);
    try {
      this.#libc.ioctl(this.#deviceFd, DeviceIoctl.backingClose, argument);
    } catch (error) {
      publishFault('passthrough', error);
    }
  }
}
