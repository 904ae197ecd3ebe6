/** `node --conditions=@warpforge/source tools/blob-origin/main.ts --root DIR`: serves a folder as an Azure Blob account until Ctrl-C. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { once } from 'node:events';
import { startBlobOrigin } from './blob-origin.ts';
import type { OriginFault } from './network.ts';

interface Options {
  readonly root: string;
  readonly port: number;
  readonly latencyMs: number;
  readonly bytesPerSecond?: number;
  readonly fault: readonly OriginFault[];
  readonly uploads?: 'keep' | 'discard';
  readonly checkMd5?: true;
}

const program = new Command('blob-origin')
  .description('Serves DIR/<account>/<container>/<blob> over the Blob REST API on 127.0.0.1, without asking who reads.')
  .requiredOption('--root <dir>', 'folder to serve')
  .option('--port <number>', 'TCP port, 0 for a free one', parseCount, 0)
  .option('--latency-ms <number>', 'time before each answer', parseCount, 0)
  .option('--bytes-per-second <number>', 'bandwidth of the link that all clients share', parseCount)
  .option('--fault <kind:n>', 'busy, error, reset or stall for every nth request; may be repeated', parseFault, [])
  .addOption(new Option('--uploads <mode>', 'take uploads too: keep them in the folder, or discard the bytes').choices(['keep', 'discard']))
  .option('--check-md5', 'compare uploads with their Content-MD5')
  .addHelpText('after', '\nExample:\n  $ blob-origin --root /tmp/blobs --port 10000 --latency-ms 20 --fault busy:100 --fault reset:250\n')
  .showHelpAfterError();

function parseCount(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('a whole number of 0 or more is needed');
  return value;
}

function parseFault(text: string, before: readonly OriginFault[]): OriginFault[] {
  const [, kind, every] = /^(busy|error|reset|stall):([1-9]\d*)$/.exec(text) ?? [];
  if (kind === undefined) throw new InvalidArgumentError('it must look like busy:100, error:100, reset:100 or stall:100');
  return [...before, { kind: kind as OriginFault['kind'], every: Number(every) }];
}

program.parse();
const { fault, ...options } = program.opts<Options>();
await using origin = await startBlobOrigin({ ...options, faults: fault });
process.stdout.write(`${origin.url}\n`);
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
