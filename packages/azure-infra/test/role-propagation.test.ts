import { describe, expect, it } from 'vitest';
import { systemClock } from '../src/clock.ts';
import { whilePropagating, type PropagationWait } from '../src/role-propagation.ts';
import { ManualClock } from './manual-clock.ts';

const { signal } = new AbortController();

function refusal(statusCode: number, code: string | undefined, errorCode?: string): Error {
  return Object.assign(new Error('refused'), { statusCode, code, details: errorCode === undefined ? undefined : { errorCode } });
}

describe('whilePropagating', () => {
  it('tries again while the role does not work yet, less and less often, and tells of each wait', async () => {
    const clock = new ManualClock();
    const attempts: number[] = [];
    const waits: PropagationWait[] = [];
    const operation = (attempt: number): Promise<string> => {
      attempts.push(attempt);
      return attempt < 6 ? Promise.reject(refusal(403, 'AuthorizationPermissionMismatch')) : Promise.resolve('done');
    };
    expect(await whilePropagating(operation, { signal, clock, onWait: (wait) => waits.push(wait) })).toBe('done');
    expect(attempts).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(waits.map(({ waitMs }) => waitMs)).toEqual([2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(waits.at(-1)).toEqual({ elapsedMs: 60_000, waitMs: 30_000 });
  });

  it('knows the code from the header too, where an answer has no body', async () => {
    const operation = (attempt: number): Promise<number> =>
      attempt === 0 ? Promise.reject(refusal(403, undefined, 'AuthorizationPermissionMismatch')) : Promise.resolve(attempt);
    expect(await whilePropagating(operation, { signal, clock: new ManualClock() })).toBe(1);
  });

  it('gives up after ten minutes, with a last attempt at their end, and says what to check', async () => {
    const clock = new ManualClock();
    const last = refusal(403, 'AuthorizationPermissionMismatch');
    const failure: unknown = await whilePropagating(() => Promise.reject(last), { signal, clock }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'INFRA_PROPAGATION', cause: last });
    expect((failure as Error).message).toMatch(/after 10 minutes.*Storage Blob Data Contributor/);
    expect(clock.now()).toBe(600_000);
  });

  it.each([
    ['another refusal', refusal(403, 'AuthorizationFailure')],
    ['a refusal without a code', refusal(403, undefined)],
    ['the code with another status', refusal(404, 'AuthorizationPermissionMismatch')],
    ['any other error', new Error('AuthorizationPermissionMismatch')],
  ])('passes on %s at once', async (_, error) => {
    let attempts = 0;
    const operation = (): Promise<never> => {
      attempts += 1;
      return Promise.reject(error);
    };
    await expect(whilePropagating(operation, { signal, clock: new ManualClock() })).rejects.toBe(error);
    expect(attempts).toBe(1);
  });

  it('stops waiting when it is aborted', async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    const waiting = whilePropagating(() => Promise.reject(refusal(403, 'AuthorizationPermissionMismatch')), {
      signal: abort.signal,
      clock: systemClock,
      onWait: () => abort.abort(reason),
    });
    await expect(waiting).rejects.toBe(reason);
  });
});
