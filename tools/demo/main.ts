import { exitCodeOf, explain } from './failure.ts';
import { parseOptions, UsageError } from './options.ts';
import { Terminal } from './terminal.ts';

/** Runs the demo as the command line says, and returns its exit code. */
async function main(args: readonly string[]): Promise<number> {
  let options;
  try {
    options = parseOptions(args, { out: (text) => process.stdout.write(text), err: (text) => process.stderr.write(text) });
  } catch (error) {
    // The parser has printed what is wrong.
    if (error instanceof UsageError) return exitCodeOf(error);
    throw error;
  }
  if (options === undefined) return 0;
  const terminal = new Terminal(options.json ? process.stderr : process.stdout);
  try {
    // Only now: help must not wait for the storage client.
    const { runDemo } = await import('./demo.ts');
    const result = await runDemo(options, terminal);
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    return 0;
  } catch (error) {
    terminal.failure(`warpforge demo: ${explain(error)}`);
    return exitCodeOf(error);
  }
}

// A reader that goes away ends the demo through its supervisor; before and after that there is nothing to end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
process.exitCode = await main(process.argv.slice(2));
