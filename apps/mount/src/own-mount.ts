import { mountAt } from '@warpforge/fuse-fs';

/** Type that the kernel's list of mounts shows for mounts of this program. */
const OWN_TYPE = 'fuse.warpdrive';

/** What is mounted at a place: a mount of this program, alive or left behind by a dead one; something else; or nothing. */
export async function findMount(mountPoint: string): Promise<'own' | 'foreign' | 'nothing'> {
  const mounted = await mountAt(mountPoint);
  if (mounted === undefined) return 'nothing';
  return mounted.type === OWN_TYPE ? 'own' : 'foreign';
}
