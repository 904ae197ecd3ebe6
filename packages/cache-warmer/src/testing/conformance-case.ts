import assert from 'node:assert/strict';

/** One promise of an interface. */
export interface ConformanceCase {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** Cases that each get a harness of their own, disposed after it. */
export function casesOf<Harness extends AsyncDisposable>(
  tests: Readonly<Record<string, (harness: Harness) => Promise<void>>>,
  makeHarness: () => Promise<Harness>,
): readonly ConformanceCase[] {
  return Object.entries(tests).map(([name, test]) => ({
    name,
    async run() {
      await using harness = await makeHarness();
      await test(harness);
    },
  }));
}

/** Asserts that work rejects with one of the codes. */
export async function fails(codes: string | readonly string[], work: Promise<unknown>, what = ''): Promise<void> {
  const error = await work.then(
    () => assert.fail(`${what}: no error, expected ${String(codes)}`),
    (thrown: unknown) => thrown,
  );
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'none';
  assert.ok([codes].flat().includes(code), `${what}: ${code} instead of ${String(codes)} (${String(error)})`);
}

/** Asserts that each kind of work rejects with the reason of a signal that has aborted, and of one that aborts while it goes on. */
export async function stopsAtAbort(kinds: readonly ((signal: AbortSignal) => Promise<unknown>)[]): Promise<void> {
  const reason = new Error('no longer wanted');
  for (const work of kinds) {
    await assert.rejects(work(AbortSignal.abort(reason)), (error) => error === reason);
    const controller = new AbortController();
    const going = work(controller.signal);
    controller.abort(reason);
    await assert.rejects(going, (error) => error === reason);
  }
}
