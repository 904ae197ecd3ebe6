import { mount, type MountedSession } from '@warpforge/fuse-fs';
import { CountedTree } from './counted-tree.ts';
import { CountingFileSystem } from './counting-file-system.ts';
import type { CountingAnswer, CountingOrder } from './counting-mount.ts';

// The process that serves a counting mount; it ends when its channel closes.

const sessions: MountedSession[] = [];
let tree: CountedTree | undefined;

function answer(message: CountingAnswer): void {
  process.send?.(message);
}

async function obey(order: CountingOrder): Promise<void> {
  if (order.kind === 'mount') {
    tree = new CountedTree(order.shape);
    for (const { path, fails = false, readDelayMs = 0 } of order.mountPoints) {
      const fileSystem = new CountingFileSystem(tree, { fails, readDelayMs });
      sessions.push(await mount({ mountPoint: path, fileSystem, source: 'counting' }));
    }
    answer({ kind: 'mounted' });
  } else if (tree !== undefined) {
    answer({ kind: 'counts', counts: tree.counts });
  }
}

process.on('message', (order) => void obey(order as CountingOrder));
process.once('disconnect', () => {
  void Promise.all(sessions.map((session) => session.unmount())).finally(() => process.exit());
});
// The owner ends this process; Ctrl-C reaches the owner.
process.on('SIGINT', () => undefined);
