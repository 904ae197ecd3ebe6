import { listen } from './channels.ts';

/** What is known about one backend since the start. */
export interface BackendRecord {
  readonly requests: number;
  readonly errors: number;
  /** Content bytes that crossed the network. */
  readonly bytesRead: number;
  /** When the backend last answered or failed to; absent before the first request. */
  readonly lastAnswer?: { readonly at: string; readonly error?: string };
}

/** Failures that a healthy backend answers too: they are about one blob, not about the backend. */
const ABOUT_ONE_BLOB: ReadonlySet<string> = new Set(['BLOB_NOT_FOUND', 'BLOB_CHANGED', 'BLOB_RANGE']);

/** Keeps count of each backend's requests, for `status`, `stats` and the health check. */
export class BackendMonitor implements Disposable {
  readonly #records = new Map<string, BackendRecord>();
  readonly #subscriptions: readonly Disposable[];

  constructor(names: readonly string[], now: () => Date = () => new Date()) {
    for (const name of names) this.#records.set(name, { requests: 0, errors: 0, bytesRead: 0 });
    this.#subscriptions = [
      listen('warpforge:blob-backend:request', ({ backend, error }) => {
        const broken = error !== undefined && !ABOUT_ONE_BLOB.has(error.code);
        const at = now().toISOString();
        this.#change(backend, (record) => ({
          ...record,
          requests: record.requests + 1,
          errors: record.errors + (broken ? 1 : 0),
          lastAnswer: broken ? { at, error: error.message } : { at },
        }));
      }),
      listen('warpforge:blob-backend:bytes', ({ backend, bytes }) => {
        this.#change(backend, (record) => ({ ...record, bytesRead: record.bytesRead + bytes }));
      }),
    ];
  }

  /** Records by backend name, in the order of the configuration. */
  get records(): ReadonlyMap<string, BackendRecord> {
    return this.#records;
  }

  /** Throws when the last request of any backend failed. */
  check(): void {
    const broken = [...this.#records.values()].flatMap(({ lastAnswer }) =>
      lastAnswer?.error === undefined ? [] : [`${lastAnswer.error} (at ${lastAnswer.at})`],
    );
    if (broken.length > 0) throw new Error(broken.join('; '));
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
  }

  #change(backend: string, change: (record: BackendRecord) => BackendRecord): void {
    const record = this.#records.get(backend);
    if (record !== undefined) this.#records.set(backend, change(record));
  }
}
