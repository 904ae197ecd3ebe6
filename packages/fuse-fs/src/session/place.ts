import { spawnSync } from 'node:child_process';
import type { Libc } from '../libc.ts';
import { findMount } from './mount-table.ts';
import { isPrivileged, removeMount } from './unmount.ts';

/** Where one mount is in the tree, for taking exactly that one away: somebody else's may have come to its place. */
export class Place {
  readonly mountPoint: string;
  readonly #device: string;

  /** @param device `major:minor` of the mount. */
  constructor(mountPoint: string, device: string) {
    this.mountPoint = mountPoint;
    this.#device = device;
  }

  /** Whether the mount is still there and nothing lies over it. */
  get isMounted(): boolean {
    return findMount(this.mountPoint)?.device === this.#device;
  }

  /**
   * Takes the mount away.
   *
   * @returns whether files are open in it, so that the kernel goes on asking.
   */
  async detach(): Promise<boolean> {
    if (!this.isMounted) return false;
    try {
      await removeMount(this.mountPoint, { lazy: false });
      return false;
    } catch {
      await removeMount(this.mountPoint, { lazy: true });
      return true;
    }
  }

  /** Takes the mount away while the process exits, when nothing asynchronous runs any more. */
  detachNow(libc: Libc | undefined): void {
    if (!this.isMounted) return;
    if (libc !== undefined && isPrivileged()) libc.detachMount(this.mountPoint);
    else if (isPrivileged()) spawnSync('umount', ['-i', '-c', '-l', '--', this.mountPoint], { stdio: 'ignore' });
    else spawnSync('fusermount3', ['-u', '-z', '--', this.mountPoint], { stdio: 'ignore' });
  }
}
