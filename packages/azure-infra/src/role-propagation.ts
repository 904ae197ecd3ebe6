import { systemClock, type Clock } from './clock.ts';
import { InfraError } from './errors.ts';
import { storageErrorCode } from './storage-error.ts';

/**
 * Role assignments take up to 10 minutes to work everywhere.
 * https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---role-assignment-changes-are-not-being-detected
 */
const LIMIT_MS = 10 * 60_000;

/** Most assignments work within seconds, and those that do not take minutes. */
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 30_000;

/** Why an operation is waited for, for people to read. */
export interface PropagationWait {
  /** Since the operation was refused for the first time. */
  readonly elapsedMs: number;
  /** Until it is tried again. */
  readonly waitMs: number;
}

/** How to wait. */
export interface PropagationOptions {
  readonly signal: AbortSignal;
  /** Told before each wait. */
  readonly onWait?: ((wait: PropagationWait) => void) | undefined;
  readonly clock?: Clock | undefined;
  /** Time after which a refusal is final. Default 10 minutes, as Azure promises. */
  readonly limitMs?: number | undefined;
}

/**
 * Runs an operation, and runs it again for as long as the service refuses it because a role that was just assigned does not work there
 * yet: 403 with the code `AuthorizationPermissionMismatch`, and nothing else, for any other refusal would be the same in ten minutes.
 *
 * @param operation gets the number of the attempt, from 0. From 1 on it must not use a token that it has kept, since that may be older
 *   than the role.
 * @throws {InfraError} `INFRA_PROPAGATION` when it is still refused at the end; else what the operation throws.
 */
export async function whilePropagating<T>(operation: (attempt: number) => Promise<T>, options: PropagationOptions): Promise<T> {
  const { signal, onWait, clock = systemClock, limitMs = LIMIT_MS } = options;
  const start = clock.now();
  for (let attempt = 0, waitMs = FIRST_WAIT_MS; ; attempt += 1, waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
    try {
      return await operation(attempt);
    } catch (error) {
      if (!isPermissionMismatch(error)) throw error;
      signal.throwIfAborted();
      const elapsedMs = clock.now() - start;
      const leftMs = limitMs - elapsedMs;
      if (leftMs <= 0) throw stillRefused(elapsedMs, error);
      // The last attempt is made when the time is over, not some seconds before.
      const untilNextMs = Math.min(waitMs, leftMs);
      onWait?.({ elapsedMs, waitMs: untilNextMs });
      await clock.sleep(untilNextMs, signal);
    }
  }
}

function isPermissionMismatch(error: unknown): boolean {
  if (!(error instanceof Error) || !('statusCode' in error) || error.statusCode !== 403) return false;
  return storageErrorCode(error) === 'AuthorizationPermissionMismatch';
}

function stillRefused(elapsedMs: number, cause: unknown): InfraError {
  return new InfraError(
    'INFRA_PROPAGATION',
    `access to the data is still refused after ${Math.round(elapsedMs / 60_000)} minutes: check that who is signed in has the role ` +
      '"Storage Blob Data Contributor" on the container (warpforge-infra provision assigns it), then run the same command again',
    [],
    { cause },
  );
}
