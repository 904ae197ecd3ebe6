import type { TokenCredential } from '../credential.ts';
import { ContainerConnection } from '../dataset/container-connection.ts';
import type { StorageOutputs } from '../outputs.ts';
import type { PropagationOptions } from '../role-propagation.ts';

/** No blob is called this, so that the answer is short whatever the container holds. */
const NOTHING = 'warpforge/no-such-blob/';

/**
 * Waits until the caller's role on a container, which was just assigned, works there.
 *
 * @throws {InfraError} `INFRA_PROPAGATION`; what the storage SDK throws when the container cannot be read for another reason.
 */
export async function awaitDataAccess(
  credential: TokenCredential,
  { account, container, endpoint }: Pick<StorageOutputs, 'account' | 'container' | 'endpoint'>,
  { signal, clock, onWait }: Pick<PropagationOptions, 'signal' | 'clock' | 'onWait'>,
): Promise<void> {
  const connection = await ContainerConnection.open(
    { account, container, endpoint },
    { credential, signal, clock, onPropagationWait: (_target, wait) => onWait?.(wait) },
  );
  await connection.list(NOTHING);
}
