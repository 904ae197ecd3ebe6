import { mkdir, mkdtemp, open, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { vi } from 'vitest';
import type { CacheWarmerEvent } from '../../src/events.ts';
import type { WarmJob } from '../../src/job/warm-job.ts';
import type { ManifestFile, ManifestItem } from '../../src/manifest/manifest.ts';
import { formatWorkMessage, parseWorkMessage, type WorkMessage } from '../../src/manifest/work-message.ts';
import type { Mounter } from '../../src/mount/mounter.ts';
import { openMounter } from '../../src/mount/open-mounter.ts';
import { ItemRecords } from '../../src/records/item-records.ts';
import { parseItemResult, type ItemResult } from '../../src/records/item-result.ts';
import { doneName, failedName } from '../../src/records/record-names.ts';
import { WorkerBeacons } from '../../src/records/worker-beacons.ts';
import { memoryStorage } from '../../src/testing/testing.ts';
import type { WorkerEnd, WorkerOptions } from '../../src/worker/worker-options.ts';
import { runWorker } from '../../src/worker/worker.ts';
import { ManualClock } from './manual-clock.ts';

export const { signal: never }: { readonly signal: AbortSignal } = new AbortController();
const MODIFIED = new Date('2026-01-01T12:00:00.250Z');

export type Event<K extends CacheWarmerEvent['kind']> = Extract<CacheWarmerEvent, { kind: K }>;

/** A worker that has been started. */
export interface Started {
  readonly end: Promise<WorkerEnd>;
  stop(): Promise<WorkerEnd>;
}

/** A job with directories as its addresses, and queues and records in memory. */
export class Rig implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly storage = memoryStorage('cw', () => this.clock.now());
  readonly events: CacheWarmerEvent[] = [];
  readonly items: ManifestItem[] = [];
  /** Directories of the addresses; the target is `data` below each. */
  readonly addresses: string[];
  mounter: Mounter = openMounter();
  /** What was stored in messages of the work queue, and for how long they stayed leased. */
  readonly stored: { leaseSeconds: number; message: WorkMessage }[] = [];
  hasJob = true;
  hasPage = true;
  readonly #root: string;
  readonly workers: Started[] = [];

  private constructor(root: string, addresses: number) {
    this.#root = root;
    this.addresses = Array.from({ length: addresses }, (_, index) => join(root, `cache${index}`));
  }

  static async make(addresses = 1): Promise<Rig> {
    const rig = new Rig(await mkdtemp(join(tmpdir(), 'worker-')), addresses);
    await rig.storage.create(never);
    const { work } = rig.storage;
    const update = work.update.bind(work);
    work.update = async (lease, change, signal) => {
      const receipt = await update(lease, change, signal);
      if (change.text !== undefined) rig.stored.push({ leaseSeconds: change.leaseSeconds, message: read(change.text) });
      return receipt;
    };
    await Promise.all(rig.addresses.map((address) => mkdir(join(address, 'data'), { recursive: true })));
    return rig;
  }

  get job(): WarmJob {
    return {
      target: { kind: 'export', addresses: this.addresses.map((path) => `file://${path}`), exportPath: '/data', path: '/' },
      throughAllAddresses: false,
      inclusionList: [],
      exclusionList: [],
      maxFileSizeBytes: 0,
    };
  }

  get message(): Omit<WorkMessage, 'item'> {
    return { v: 1, job: 'job-1', walk: 'walk-1', page: 0, etag: '"1"', failures: 0, done: 0, offset: 0, failed: [], read: [] };
  }

  /** Where a file is under an address. */
  path(file: string, address = 0): string {
    return join(this.addresses[address] ?? '', 'data', file);
  }

  /** Makes a sparse file under every address. */
  async file(path: string, size: number): Promise<ManifestFile> {
    for (const address of this.addresses.keys()) {
      const place = this.path(path, address);
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, '');
      const file = await open(place, 'r+');
      await file.truncate(size);
      await file.close();
      await utimes(place, MODIFIED, MODIFIED);
    }
    const { mtimeMs } = await stat(this.path(path));
    return { path, size, mtimeMs };
  }

  /** Makes an item and queues its message. */
  async send(item: ManifestItem, change: Partial<WorkMessage> = {}): Promise<void> {
    this.items.push(item);
    await this.storage.work.send(formatWorkMessage({ ...this.message, item: this.items.length - 1, ...change }), never);
  }

  start(change: Partial<WorkerOptions> = {}): Started {
    const { storage, clock } = this;
    const stop = new AbortController();
    const end = runWorker(
      {
        name: 'worker-1',
        work: storage.work,
        workPoison: storage.workPoison,
        items: new ItemRecords(storage.records),
        beacons: new WorkerBeacons(storage.records),
        readJob: () => Promise.resolve(this.hasJob ? this.job : undefined),
        page: () => (this.hasPage ? Promise.resolve({ first: 0, items: this.items }) : Promise.reject(new Error('there is no page 0'))),
        mounter: this.mounter,
        onEvent: (event) => this.events.push(event),
        concurrency: 2,
        readSize: 64 * 1024,
        clock,
        random: () => 0.5,
        ...change,
      },
      stop.signal,
    );
    const started: Started = {
      end,
      stop: () => {
        stop.abort();
        return end;
      },
    };
    this.workers.push(started);
    return started;
  }

  of<K extends CacheWarmerEvent['kind']>(kind: K): Event<K>[] {
    return this.events.filter((event): event is Event<K> => event.kind === kind);
  }

  /** Waits for so many events of a kind. */
  async until<K extends CacheWarmerEvent['kind']>(kind: K, count = 1): Promise<Event<K>[]> {
    return eventually(() => {
      const found = this.of(kind);
      if (found.length < count) throw new Error(`${found.length} of ${count} ${kind}: ${JSON.stringify(this.events, null, 1)}`);
      return found;
    });
  }

  /** Renews leases until one has stored this. */
  async untilStored(position: Pick<WorkMessage, 'done' | 'offset'>): Promise<void> {
    await eventually(() => {
      this.clock.pass(20_000);
      const last = this.stored.at(-1)?.message;
      if (last?.done !== position.done || last.offset !== position.offset) throw new Error(`stored last: ${JSON.stringify(last)}`);
    });
  }

  /** Waits until no message is left, hidden ones included. */
  async untilEmpty(): Promise<void> {
    await eventually(async () => {
      const length = await this.storage.work.approximateLength(never);
      if (length > 0) throw new Error(`${length} messages are left: ${JSON.stringify(this.events, null, 1)}`);
    });
  }

  async done(item: number): Promise<ItemResult | undefined> {
    return this.#record(doneName('job-1', item));
  }

  async failed(item: number): Promise<ItemResult | undefined> {
    return this.#record(failedName('job-1', item));
  }

  /** The messages that nobody has leased. */
  async waiting(): Promise<WorkMessage[]> {
    return (await this.storage.work.peek(32, never)).map(({ text }) => read(text));
  }

  async poison(): Promise<{ reason: string; message: string; worker: string }[]> {
    const messages = await this.storage.workPoison.peek(32, never);
    return messages.map(({ text }) => JSON.parse(text) as { reason: string; message: string; worker: string });
  }

  async #record(name: string): Promise<ItemResult | undefined> {
    const record = await this.storage.records.read(name, {}, never);
    return record === undefined ? undefined : parseItemResult(record.body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()));
    await rm(this.#root, { recursive: true });
  }
}

/** Tries until it does not throw. */
export function eventually<T>(look: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(look, { timeout: 20_000, interval: 5 });
}

function read(text: string): WorkMessage {
  const message = parseWorkMessage(text);
  if (typeof message === 'string') throw new Error(message);
  return message;
}
