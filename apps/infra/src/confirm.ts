import { createInterface } from 'node:readline/promises';
import { CommandError } from './failure.ts';

/**
 * Asks a question on the terminal and returns the answer without blanks around it. Where nobody can answer, the command ends with an
 * error that names the flag that answers instead.
 */
export async function ask(question: string, { flag, signal }: { readonly flag: string; readonly signal: AbortSignal }): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new CommandError('USAGE', `it has to be confirmed, and standard input is no terminal; ${flag} confirms it`);
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // In raw mode Ctrl-C is a key like any other, which readline turns into an event.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const closed = new AbortController();
  lines.on('close', () => closed.abort());
  try {
    return (await lines.question(question, { signal: AbortSignal.any([signal, closed.signal]) })).trim();
  } catch (error) {
    signal.throwIfAborted();
    // The input has ended (Ctrl-D), which is no answer.
    if (closed.signal.aborted) return '';
    throw error;
  } finally {
    lines.close();
  }
}
