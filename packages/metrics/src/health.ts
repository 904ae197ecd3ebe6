/** Finds out whether one part works: returns when it does, throws an error whose message says what is wrong when it does not. */
export type HealthCheck = (signal: AbortSignal) => Promise<void> | void;

/** The outcome of one check. */
export type CheckResult = { readonly status: 'ok' } | { readonly status: 'failed'; readonly message: string };

/** What `/healthz` answers: `ok` only when every check is. */
export interface HealthReport {
  readonly status: 'ok' | 'degraded';
  readonly checks: Readonly<Record<string, CheckResult>>;
}

/** A check that answers later than this is failed: shorter than the 3 s and more that load balancers and kubelets wait. */
const DEFAULT_TIMEOUT_MS = 2_000;

interface NamedCheck {
  readonly check: HealthCheck;
  readonly timeoutMs: number;
  running: Promise<CheckResult> | undefined;
}

/**
 * Named health checks, run together when asked.
 *
 * A check never runs twice at once: who asks while it runs shares its result, and a check that hangs stays the one that hangs, however
 * often somebody asks.
 */
export class HealthChecks {
  readonly #checks = new Map<string, NamedCheck>();

  /** Adds a check. `timeoutMs`: how long it may take (default 2,000); its signal is aborted then and it counts as failed. */
  add(name: string, check: HealthCheck, options: { readonly timeoutMs?: number } = {}): void {
    if (this.#checks.has(name)) throw new TypeError(`a health check named "${name}" exists already`);
    this.#checks.set(name, { check, timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS, running: undefined });
  }

  /** Runs all checks at once. Never rejects. */
  async run(): Promise<HealthReport> {
    const results = await Promise.all([...this.#checks].map(async ([name, entry]) => [name, await runWithin(entry)] as const));
    return {
      status: results.every(([, result]) => result.status === 'ok') ? 'ok' : 'degraded',
      checks: Object.fromEntries(results),
    };
  }
}

async function runWithin(entry: NamedCheck): Promise<CheckResult> {
  const abort = new AbortController();
  const run = (entry.running ??= settle(entry.check, abort.signal).finally(() => {
    entry.running = undefined;
  }));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CheckResult>((resolve) => {
    timer = setTimeout(() => {
      const message = `no answer within ${entry.timeoutMs} ms`;
      abort.abort(new Error(message));
      resolve({ status: 'failed', message });
    }, entry.timeoutMs);
  });
  try {
    return await Promise.race([run, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function settle(check: HealthCheck, signal: AbortSignal): Promise<CheckResult> {
  try {
    await check(signal);
    return { status: 'ok' };
  } catch (error) {
    return { status: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}
