import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { ReadCounts, TreeShape } from './counted-tree.ts';
import type { Behaviour } from './counting-file-system.ts';

/** One way to the tree. */
export interface CountedMountPoint extends Partial<Behaviour> {
  /** An empty directory. */
  readonly path: string;
}

/** What the process is told. */
export type CountingOrder =
  { readonly kind: 'mount'; readonly shape: TreeShape; readonly mountPoints: readonly CountedMountPoint[] } | { readonly kind: 'count' };

/** What it says. */
export type CountingAnswer = { readonly kind: 'mounted' } | { readonly kind: 'counts'; readonly counts: ReadCounts };

/**
 * A tree of files of zeros under one or more mount points, served by a process of its own, which counts every byte that is read of it.
 * Disposing unmounts.
 */
export class CountingMount implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, 'exit');
  }

  static async start(shape: TreeShape, mountPoints: readonly CountedMountPoint[]): Promise<CountingMount> {
    const child = fork(new URL('./main.ts', import.meta.url), { cwd: '/', execArgv: ['--conditions=@warpforge/source'] });
    const mount = new CountingMount(child);
    await mount.#ask({ kind: 'mount', shape, mountPoints });
    return mount;
  }

  /** What was read so far, through all mount points. */
  async counts(): Promise<ReadCounts> {
    const answer = await this.#ask({ kind: 'count' });
    if (answer.kind !== 'counts') throw new Error('the counting mount gave no counts');
    return answer.counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }

  async #ask(order: CountingOrder): Promise<CountingAnswer> {
    this.#child.send(order);
    const [answer] = (await Promise.race([
      once(this.#child, 'message'),
      this.#ended.then(() => Promise.reject(new Error('the counting mount has ended; its errors are above'))),
    ])) as [CountingAnswer];
    return answer;
  }
}
