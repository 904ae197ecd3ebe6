/** The stand-in for Azure on this machine: `npm run fake-azure -- [OPTIONS] [-- COMMAND ARGS…]`. */
import { Command, InvalidArgumentError } from 'commander';
import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { runWith } from './run-with.ts';
import { firstSignal } from './signals.ts';

interface Options {
  readonly port?: number;
  readonly directory?: string;
  readonly vm?: true;
}

const EXAMPLES = `
Examples:
  $ npm run fake-azure                                            until Ctrl-C; in another terminal: . DIR/environment
  $ npm run fake-azure -- -- npx warpforge-infra plan             one command against an empty subscription
  $ npm run fake-azure -- --vm -- bash                            a shell in which the whole deployment guide works
  $ npm run fake-azure -- --directory /tmp/azure                  the VM's own variables are in /tmp/azure/vm-environment

What is provisioned lives as long as this program.
Exit code: that of the command, 1 could not start, 2 wrong usage, 130 stopped by Ctrl-C.`;

/** Where the programs that a VM gets are installed: the clone. */
const ROOT = join(import.meta.dirname, '../..');

const stopped = firstSignal();
const program = new Command('npm run fake-azure --')
  .description('Stands in for Azure on 127.0.0.1: Resource Manager, blobs and queues, identities of machines, price list and Azure CLI.')
  .option('--port <number>', 'TCP port of Resource Manager, blobs and queues are at the next ones (default: free ones)', parsePort)
  .option('--directory <dir>', 'folder for its files, left in place (default: a temporary one)')
  .option('--vm', "make the VM that is deployed, too: as root on Linux, out of namespaces, with this machine's network and an SSH server")
  .argument('[command...]', 'what to run in this environment')
  .passThroughOptions()
  .addHelpText('after', EXAMPLES)
  .showHelpAfterError('(--help shows the options)')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .action(main);

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_533) throw new InvalidArgumentError('it must be a number from 1 to 65533.');
  return port;
}

async function main([command, ...args]: readonly string[], { port, directory, vm }: Options): Promise<void> {
  if (process.stderr.isTTY) process.stderr.write('fake-azure: starting …\n');
  // Only now: help must not wait for it.
  const { startLocalAzure } = await import('./local-azure.ts');
  await using azure = await startLocalAzure({
    path: process.env['PATH'] ?? '',
    ...(port === undefined ? {} : { port }),
    ...(directory === undefined ? {} : { directory }),
    ...(vm === undefined ? {} : { vmPrograms: { folder: ROOT } }),
  });
  // A signal that came during the start still counts.
  const early = await Promise.race([stopped, Promise.resolve(undefined)]);
  if (command !== undefined && early === undefined) {
    process.exitCode = await runWith(azure.environment, command, args);
    return;
  }
  process.stdout.write(await readFile(azure.environmentFile, 'utf8'));
  process.stderr.write(`fake-azure: ready until Ctrl-C; other terminals get these variables from ${azure.environmentFile}\n`);
  process.exitCode = 128 + constants.signals[await stopped];
}

try {
  await program.parseAsync();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  const hint = message.includes('EADDRINUSE') ? '; choose another --port, or none for free ones' : '';
  process.stderr.write(`fake-azure: ${message}${hint}\n`);
  process.exitCode = 1;
}
