import { openStorage, runWorker } from '@warpforge/cache-warmer';
import { workerOptions } from './one-process.ts';

/** What a worker of the comparison is told. */
export interface WorkerOrder {
  readonly prefix: string;
  readonly connectionString: string;
}

// A worker with one reader thread, in a process of its own: it says when it is ready, begins when it is told to, and says when it did its
// last item.

process.once('message', (order: WorkerOrder) => {
  void (async () => {
    const storage = await openStorage(order);
    process.send?.('ready');
    process.once('message', () => {
      void (async () => {
        let lastDone = 0;
        const options = workerOptions(storage, `worker-${process.pid}`, (event) => {
          if (event.kind === 'item-done') lastDone = Date.now();
        });
        await runWorker({ ...options, concurrency: 1, idleExitSeconds: 1 }, new AbortController().signal);
        process.send?.(lastDone, () => process.exit());
      })();
    });
  })();
});
