import { useDirectory } from './directory-mounter.ts';
import type { Mount, Mounter, MountSource } from './mounter.ts';
import { NfsMounter } from './nfs-mounter.ts';
import { WarpforgeMounter } from './warpforge-mounter.ts';

/** Where mounts are made, and where the daemon is configured. */
export interface OpenMounterOptions {
  /** Directory under which mount points of NFS exports are made. Default: `/mnt/cachewarmer`. */
  readonly mountRoot?: string;
  /** File with the configuration of the Warpforge daemon. Default: `/etc/warpdrive/config.yaml`. */
  readonly daemonConfig?: string;
  /** Program and first arguments of the daemon's command. Default: `warpdrive`. */
  readonly daemonCommand?: readonly [string, ...string[]];
}

/** Makes all kinds of sources readable on this machine. */
export function openMounter(options: OpenMounterOptions = {}): Mounter {
  const { mountRoot = '/mnt/cachewarmer', daemonConfig = '/etc/warpdrive/config.yaml', daemonCommand = ['warpdrive'] } = options;
  const nfs = new NfsMounter({ root: mountRoot });
  const warpforge = new WarpforgeMounter({ config: daemonConfig, command: daemonCommand });
  return {
    mount(source: MountSource, signal: AbortSignal): Promise<Mount> {
      switch (source.kind) {
        case 'nfs':
          return nfs.mount(source, signal);
        case 'directory':
          return useDirectory(source.path, signal);
        case 'backend':
          return warpforge.mount(source.backend, signal);
      }
    },
  };
}
