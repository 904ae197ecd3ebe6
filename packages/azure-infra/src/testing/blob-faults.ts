/** What goes wrong with a request to the blob service. */
export type BlobFault = {
  /** Of the requests whose path, `/ACCOUNT/CONTAINER/BLOB` as in the URL, matches. */
  readonly path: RegExp;
  /** Upper case; default: every method. */
  readonly method?: string;
  /** How often; default once. */
  readonly times?: number;
} & (
  | {
      /** `busy`: 503 ServerBusy. `error`: 500 InternalError. */
      readonly kind: 'busy' | 'error';
    }
  | {
      /** The connection is cut once more than so many bytes have passed of a download or an upload, at the latest at its end. */
      readonly kind: 'reset';
      /** Default 0: at the first byte. */
      readonly afterBytes?: number;
    }
  | {
      /** The request waits until the promise is settled, and then goes on. That the function is called tells that it has come. */
      readonly kind: 'hold';
      readonly until: () => Promise<unknown>;
    }
);

/** Faults that wait for their requests, the first that fits first. */
export class BlobFaults {
  readonly #faults: { readonly fault: BlobFault; left: number }[] = [];

  add(fault: BlobFault): void {
    this.#faults.push({ fault, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#faults.length = 0;
  }

  /** The fault that this request meets. */
  take(method: string, path: string): BlobFault | undefined {
    const found = this.#faults.find(({ fault, left }) => left > 0 && (fault.method ?? method) === method && path.search(fault.path) !== -1);
    if (found === undefined) return undefined;
    found.left -= 1;
    return found.fault;
  }
}
