import { unmountPath } from '@warpforge/fuse-fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from './config/schema.ts';
import { ControlClient } from './control/client.ts';
import { codeOf, CommandError } from './failure.ts';
import { findMount } from './own-mount.ts';

/** A daemon ends within 3 s of being told; one that is not gone after this is not going to go. */
const END_LIMIT_MS = 10_000;
const POLL_MS = 50;

/** What was done. */
export interface UnmountOutcome {
  readonly mountPoint: string;
  /** Process that was stopped; absent when a mount without a reachable daemon was removed. */
  readonly pid?: number;
}

/** Stops the process that owns the cache of this configuration and waits for its end; removes a mount whose daemon has died. */
export async function stopDaemon(config: Config): Promise<UnmountOutcome> {
  const client = new ControlClient(config.cache.path);
  let pid: number;
  let mountPoint: string;
  try {
    const status = await client.status();
    pid = status.pid;
    mountPoint = status.mount?.point ?? config.mount_point;
    await client.stop();
  } catch (error) {
    if (codeOf(error) !== 'NO_DAEMON') throw error;
    return removeMount(config.mount_point);
  }
  const until = performance.now() + END_LIMIT_MS;
  while (isAlive(pid) && performance.now() < until) await delay(POLL_MS);
  if ((await findMount(mountPoint)) === 'own') await removeMount(mountPoint);
  if (isAlive(pid))
    throw new CommandError('MOUNT', `${mountPoint} is unmounted, but process ${pid} does not end; end it with: kill -9 ${pid}`);
  return { mountPoint, pid };
}

/** Takes a mount of this program out of the tree, whether its daemon lives or not. A daemon that lives ends by itself then. */
export async function removeMount(mountPoint: string): Promise<UnmountOutcome> {
  switch (await findMount(mountPoint)) {
    case 'nothing':
      throw new CommandError('MOUNT', `nothing is mounted at ${mountPoint}`);
    case 'foreign':
      throw new CommandError('MOUNT', `what is mounted at ${mountPoint} is not of warpdrive; remove it with: umount ${mountPoint}`);
    case 'own':
      await unmountPath(mountPoint);
      return { mountPoint };
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
