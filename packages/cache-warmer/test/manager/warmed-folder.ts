import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  ItemRecords,
  ManifestPages,
  noLauncher,
  parseWorkMessage,
  runManager,
  type CacheWarmerEvent,
  type CacheWarmerStorage,
  type Clock,
  type ItemResult,
  type ManagerOptions,
  type Mounter,
} from '../../src/index.ts';

/** A folder with files for a job. Disposing removes it. */
export class WarmedFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'warmed-'));

  constructor(files: number, size = 1) {
    for (let file = 0; file < files; file++) {
      if (file % 500 === 0) mkdirSync(join(this.path, `e/t/${Math.floor(file / 500)}`), { recursive: true });
      writeFileSync(join(this.path, `e/t/${Math.floor(file / 500)}/${file}`), Buffer.alloc(size));
    }
  }

  /** The message of a job for all of it. */
  job(filters: Readonly<Record<string, unknown>> = {}): string {
    const target = { WarmTargetMountAddresses: [pathToFileURL(this.path).href], WarmTargetExportPath: '/e', WarmTargetPath: '/t' };
    return JSON.stringify({ ...target, ...filters });
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

/** Takes folders as they are. */
export const folderMounter: Mounter = {
  mount: (source) => {
    if (source.kind !== 'directory') throw new Error('only folders here');
    return Promise.resolve({ path: source.path, [Symbol.asyncDispose]: () => Promise.resolve() });
  },
};

let ids = 0;

/** Options of a manager that ends with its jobs, and the events that it tells. */
export function managerOptions(storage: CacheWarmerStorage, clock: Clock): ManagerOptions & { readonly events: CacheWarmerEvent[] } {
  const events: CacheWarmerEvent[] = [];
  return {
    storage,
    clock,
    events,
    mounter: folderMounter,
    launcher: noLauncher,
    limits: { maxWorkers: 4, itemsPerWorker: 4, idleSeconds: 60 },
    maxInstanceHours: undefined,
    once: true,
    newId: () => `id-${++ids}`,
    onEvent: (event) => events.push(event),
  };
}

/** Runs a manager until all jobs have ended, or it is cut, with a worker beside it. */
export async function runWithWorker(
  options: ManagerOptions,
  worker: TestWorker,
  cut: AbortSignal = new AbortController().signal,
): Promise<void> {
  const stop = new AbortController();
  const working = worker.work(stop.signal);
  try {
    await runManager(options, cut);
  } catch (error) {
    if (!cut.aborted) throw error;
  } finally {
    stop.abort();
    await working;
  }
}

/** Reads nothing, but keeps to the protocol of workers; remembers which items it was given. */
export class TestWorker {
  readonly taken: number[] = [];
  readonly #storage: CacheWarmerStorage;
  readonly #clock: Clock;

  constructor(storage: CacheWarmerStorage, clock: Clock) {
    this.#storage = storage;
    this.#clock = clock;
  }

  /** Until the abort. What is begun is done. */
  async work(stop: AbortSignal): Promise<void> {
    const { work, records } = this.#storage;
    const items = new ItemRecords(records);
    const pages = new ManifestPages(records);
    const { signal } = new AbortController();
    while (!stop.aborted) {
      const [received] = await work.receive(1, 60, signal);
      if (received === undefined) {
        await this.#clock.sleep(100, stop).catch(() => undefined);
        continue;
      }
      const message = parseWorkMessage(received.text);
      if (typeof message === 'string') throw new Error(message);
      const { job, walk, page, etag, item } = message;
      if ((await items.outcome(job, item, signal)) === undefined) {
        this.taken.push(item);
        const { first, items: all } = await pages.page(job, walk, page, etag, signal);
        const files = all[item - first]?.files ?? [];
        const bytes = files.reduce((sum, { size }) => sum + size, 0);
        const result: ItemResult = {
          files: files.length,
          bytes,
          seconds: 0,
          worker: 'w',
          addresses: [{ files: files.length, bytes }],
          failed: [],
        };
        await items.writeDone(job, item, result, signal);
      }
      await work.delete(received, signal);
    }
  }
}
