import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { GuardMessage } from './guard.ts';
import { clearFolder } from './work-folder.ts';

/** As long as the daemon may take to unmount, and then some. */
const END_LIMIT_MS = 8000;
const POLL_MS = 50;

/** Whether the process exists. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Every part leads a process group of its own; the signal reaches what it has started, too. */
function signalGroup(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-pid, name);
  } catch {
    // It has ended already.
  }
}

async function endChildren(pids: readonly number[]): Promise<void> {
  for (const pid of pids) signalGroup(pid, 'SIGTERM');
  for (let waitedMs = 0; waitedMs < END_LIMIT_MS && pids.some(lives); waitedMs += POLL_MS) await delay(POLL_MS);
  for (const pid of pids) signalGroup(pid, 'SIGKILL');
}

/** What the demo has said must not outlive it, by the text of the message. */
const guarded = new Map<string, GuardMessage['what']>();

// Ends with the demo, however the demo ends: then the pipe closes.
for await (const line of createInterface({ input: process.stdin })) {
  const { action, what } = JSON.parse(line) as GuardMessage;
  if (action === 'add') guarded.set(JSON.stringify(what), what);
  else guarded.delete(JSON.stringify(what));
}

const left = [...guarded.values()];
await endChildren(left.flatMap((what) => ('child' in what ? [what.child] : [])));
for (const what of left) {
  if ('folder' in what) await clearFolder(what.folder, what);
}
