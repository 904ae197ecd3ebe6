import { writeFile } from 'node:fs/promises';
import { publishFault } from '../events.ts';

/**
 * Sets how far the kernel reads ahead in files of one mount. Negotiation can only lower the kernel's default of 128 KiB; this can raise
 * it, as root.
 *
 * @param device `major:minor` of the mount.
 */
export async function setReadAhead(device: string, bytes: number): Promise<void> {
  try {
    await writeFile(`/sys/class/bdi/${device}/read_ahead_kb`, String(Math.ceil(bytes / 1024)));
  } catch (error) {
    publishFault('read-ahead', error);
  }
}
