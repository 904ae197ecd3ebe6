import type { Mounter } from '@warpforge/cache-warmer';
import { Option, type Command } from 'commander';

/** Where mounts are made and found. */
export interface MountOptions {
  readonly mountRoot: string;
  readonly daemonConfig: string;
}

/**
 * Adds `--mount-root` and `--daemon-config`. A manager and a worker of one machine have roots of their own, since each unmounts what it has
 * mounted.
 */
export function addMountOptions(command: Command, mountRoot: string): Command {
  return command
    .addOption(new Option('--mount-root <dir>', 'folder under which NFS exports are mounted').default(mountRoot))
    .addOption(
      new Option('--daemon-config <file>', 'configuration of the Warpforge daemon, for jobs that name a backend')
        .env('WARPDRIVE_CONFIG')
        .default('/etc/warpdrive/config.yaml'),
    );
}

/** Mounts whatever a job can name. */
export async function openMounter({ mountRoot, daemonConfig }: MountOptions): Promise<Mounter> {
  const { openMounter: open } = await import('@warpforge/cache-warmer');
  return open({ mountRoot, daemonConfig });
}
