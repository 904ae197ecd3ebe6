import { availableParallelism } from 'node:os';
import { ComputeThread } from './compute/compute-thread.ts';
import type { Config } from './config/schema.ts';
import { openDataset } from './data/dataset.ts';
import { evaluationFields, printDataset, printEvaluation, printLine } from './output.ts';
import { loadCheckpoint } from './training/checkpoint.ts';
import { TestImages } from './training/evaluate.ts';

/** Evaluates the checkpoint of the configuration on its test roots. */
export async function evaluateCheckpoint(config: Config, options: { readonly json: boolean }, signal: AbortSignal): Promise<void> {
  const { checkpoint = '', eval_roots, batch_size: batchSize, num_workers: workers, threads = availableParallelism() } = config;
  const { run, progress, state } = await loadCheckpoint(checkpoint);
  const { roots, ...data } = await openDataset(eval_roots);
  printDataset({ roots, ...data });
  const { network, optimizer } = run;
  const failures = { onError: config.on_error, maxFailures: config.max_failures };
  await using compute = new ComputeThread({ network, optimizer, batchSize, device: config.device, threads, state, first: 'evaluate' });
  await using images = new TestImages({ roots, shape: network.shape, batchSize, workers, failures, signal });
  const evaluation = await images.evaluate(compute);
  printEvaluation(evaluation);
  if (options.json) printLine(JSON.stringify({ steps: progress.step, ...evaluationFields(evaluation) }));
}
