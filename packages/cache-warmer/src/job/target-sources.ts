import { fileURLToPath } from 'node:url';
import type { MountSource } from '../mount/mounter.ts';
import type { WarmTarget } from './warm-target.ts';

/** One of the ways to the files of a target. */
export interface TargetSource {
  /** As in the job: `10.0.1.11`, `file:///mnt/cache1`, `backend:datasets-cac`. */
  readonly address: string;
  readonly source: MountSource;
  /** Where the target is below the mount; empty or a path without a leading slash. */
  readonly path: string;
}

/** The ways to the files of a target, in the order of the job's addresses. */
export function targetSources(target: WarmTarget): TargetSource[] {
  if (target.kind === 'backend') {
    const { backend, prefix } = target;
    return [{ address: `backend:${backend}`, source: { kind: 'backend', backend }, path: prefix }];
  }
  const { exportPath } = target;
  const path = relative(target.path);
  return target.addresses.map((address): TargetSource => {
    if (!address.startsWith('file:')) return { address, source: { kind: 'nfs', host: address, exportPath }, path };
    // The directory stands for the host, and the export is a path below it.
    const inside = [relative(exportPath), path].filter((part) => part !== '').join('/');
    return { address, source: { kind: 'directory', path: fileURLToPath(address) }, path: inside };
  });
}

function relative(path: string): string {
  return path.split('/').filter(Boolean).join('/');
}
