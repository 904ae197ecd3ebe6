import type { FileFailure } from '../manifest/manifest.ts';
import type { MessageQueue } from '../queue/message-queue.ts';

/** A message holds at most 64 KiB; as JSON a character may take 6 bytes, and the reason and the name need room too. */
const LONGEST_TEXT = 8000;

/** Sends a message that is given up to where people find it, as `{ reason, message, worker }`. Long texts are cut. */
export async function sendPoison(queue: MessageQueue, reason: string, text: string, worker: string, signal: AbortSignal): Promise<void> {
  const message = text.slice(0, LONGEST_TEXT);
  await queue.send(JSON.stringify({ reason: reason.slice(0, 1000), message, worker }), signal);
}

/** The reasons of failures in a line: the first, and how many others there are. */
export function summariseFailures(failures: readonly FileFailure[]): string {
  const [first, ...others] = failures;
  if (first === undefined) return 'nothing is left to be read';
  return `${first.path}: ${first.reason}${others.length === 0 ? '' : ` (and ${others.length} more files)`}`;
}
