/** It answers from the host of the machine itself, within milliseconds; elsewhere nothing answers at all. */
const ANSWER_LIMIT_MS = 3_000;

/**
 * The name of this virtual machine, as Azure's metadata service has it; undefined outside Azure.
 *
 * @param base of the service, `http://169.254.169.254`.
 */
export async function readMachineName(base: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const response = await fetch(`${base}/metadata/instance/compute/name?api-version=2021-02-01&format=text`, {
      headers: { Metadata: 'true' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_LIMIT_MS)]),
    });
    const name = (await response.text()).trim();
    return response.ok && name !== '' ? name : undefined;
  } catch {
    // There is no such service outside Azure, and no one way in which it is missing.
    signal.throwIfAborted();
    return undefined;
  }
}
