import { availableParallelism } from 'node:os';
import { ComputeThread } from './compute/compute-thread.ts';
import type { Config } from './config/schema.ts';
import { openDataset } from './data/dataset.ts';
import { evaluationFields, printDataset, printEvaluation, printLine } from './output.ts';
import { loadCheckpoint } from './training/checkpoint.ts';
import { evaluate } from './training/evaluate.ts';

/** Evaluates the checkpoint of the configuration on its test roots. */
export async function evaluateCheckpoint(config: Config, options: { readonly json: boolean }, signal: AbortSignal): Promise<void> {
  const { checkpoint = '', eval_roots, batch_size: batchSize, num_workers: workers, threads = availableParallelism() } = config;
  const { run, progress, state } = await loadCheckpoint(checkpoint);
  const data = await openDataset(eval_roots);
  printDataset(data);
  const { network, optimizer } = run;
  await using compute = new ComputeThread({ network, optimizer, batchSize, device: config.device, threads, state, first: 'evaluate' });
  const evaluation = await evaluate({ compute, shards: data.shards, shape: run.network.shape, batchSize, workers, signal });
  printEvaluation(evaluation);
  if (options.json) printLine(JSON.stringify({ steps: progress.step, ...evaluationFields(evaluation) }));
}
