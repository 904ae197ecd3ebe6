import { startAzurite } from '@warpforge/blob-backend/testing';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EXPORT_PATH, makeCacheNodes, TARGET_PATH } from './cache-nodes.ts';
import { DemoFailure, DemoInterrupted, Program } from './program.ts';

/** What the person asked for. */
export interface DemoOptions {
  readonly files: number;
  readonly workers: number;
  /** Print nothing but the report. */
  readonly json: boolean;
}

/** Does everything from nothing, prints the report, and removes what it made, also when it is stopped. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => stop.abort(new DemoInterrupted(signal));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  await steps(options, stop.signal);
}

async function steps({ files, workers, json }: DemoOptions, signal: AbortSignal): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const say = (line: string): void => {
    if (!json) process.stdout.write(`==> ${line}\n`);
  };
  const folder = mkdtempSync(join(tmpdir(), 'warpforge-cachewarmer-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));

  say('1/5 Azurite for the queues and the records');
  const azurite = stack.use(await startAzurite({ accounts: [{ name: 'cachewarmer' }], queues: true, signal }));
  const env = { ...process.env, AZURE_STORAGE_CONNECTION_STRING: azurite.accounts[0]?.connectionString ?? '' };

  say(`2/5 Two folders for two cache nodes: ${files} small files, one of 2 GB, and some that the job leaves out`);
  const nodes = makeCacheNodes(folder, files);

  say('3/5 A job on the queue');
  const job = {
    WarmTargetMountAddresses: nodes.map((node) => pathToFileURL(node).href),
    WarmTargetExportPath: EXPORT_PATH,
    WarmTargetPath: TARGET_PATH,
    ExclusionList: ['*.tmp'],
  };
  const file = join(folder, 'job.json');
  writeFileSync(file, `${JSON.stringify(job, null, 2)}\n`);
  if (!json) process.stdout.write(`${JSON.stringify(job, null, 2)}\n`);
  const submit = stack.use(
    new Program(['cachewarmer', 'submit', '--job', file, '--wait', ...(json ? ['--json'] : [])], {
      ...{ env, signal, stdout: 'pipe', stderr: json ? 'ignore' : 'lines' },
    }),
  );
  await submit.firstLine();
  signal.throwIfAborted();

  say(`4/5 A manager, and up to ${workers} workers that it starts`);
  const manager = stack.use(
    new Program(['cachewarmer', 'manager', '--launcher', 'local', '--workers', String(workers), '--once'], {
      ...{ env, signal, stdout: 'inherit', stderr: json ? 'ignore' : 'lines' },
    }),
  );
  const exitCode = await submit.ended;
  const managerCode = await manager.ended;
  signal.throwIfAborted();

  say('5/5 The report');
  process.stdout.write(json ? `${submit.output.trim().split('\n').at(-1) ?? ''}\n` : submit.output);
  if (managerCode !== 0) throw new DemoFailure(`the manager ended with exit code ${managerCode}`);
  if (exitCode !== 0) throw new DemoFailure(`not everything is warm (submit ended with exit code ${exitCode})`);
  say('Everything is warm, and nothing is left behind.');
}
