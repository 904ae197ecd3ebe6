import type { DatasetFile, TokenCredential } from '@warpforge/azure-infra';
import { InvalidArgumentError, type Command } from 'commander';
import { join } from 'node:path';
import type { CommandContext, Resolve } from '../command-context.ts';
import { uploadJson, verifyJson } from '../dataset/dataset-json.ts';
import { accountOf, type DatasetShard } from '../dataset/dataset-shard.ts';
import { describeDifferences, describeUploaded, describeVerified } from '../dataset/dataset-text.ts';
import { expectedBlobs, type DatasetTargets } from '../dataset/expected-blobs.ts';
import { ownShards } from '../dataset/own-shards.ts';
import { expectedSyntheticShards, makeSyntheticShards } from '../dataset/synthetic-shards.ts';
import { tellWait, uploadShards } from '../dataset/upload-shards.ts';
import { CommandError } from '../failure.ts';
import { formatCount } from '../format.ts';
import { Interrupted, interruptible } from '../interrupt.ts';
import { addOutputFolderOption, addSettingsOptions } from '../settings-options.ts';

const EXAMPLES = `
Makes a synthetic data set, or takes the .tar files in a folder of yours, and uploads them with their indexes (.idx): shards with an even
number to account A, those with an odd one to account B. The number is the one that the name ends with (shard-000007.tar: 7); unless all
names have one, it is the place in the sorted list. Every file is verified by MD5. What is there already is skipped, so after Ctrl-C or a
failure the same command goes on where it stopped.

Examples:
  $ warpforge-infra dataset
  $ warpforge-infra dataset --num-shards 50 --images-per-shard 200
  $ warpforge-infra dataset --folder ~/coco/train --parallel 16
  $ warpforge-infra dataset --verify`;

const DEFAULT_SEED = 42;
const DEFAULT_PREFIX = 'train/';
/** 8 GiB of memory; more would only wait for the network. */
const MOST_PARALLEL = 1024;

interface DatasetOptions {
  readonly folder?: string;
  readonly prefix: string;
  readonly workDir?: string;
  readonly seed: number;
  readonly parallel?: number;
  readonly verify?: true;
  readonly json?: true;
}

/** What both ways of the command work with. */
interface Job {
  readonly shards: readonly DatasetShard[];
  readonly targets: DatasetTargets;
  readonly credential: TokenCredential;
  readonly options: DatasetOptions;
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
}

/** `dataset`: brings shards into both accounts, or compares what is there. */
export function addDatasetCommand(program: Command, resolve: Resolve): void {
  const command = program
    .command('dataset')
    .description('make a synthetic data set, or take one, and upload it: even shards to A, odd ones to B');
  addOutputFolderOption(addSettingsOptions(command, ['dataset']))
    .option('--folder <dir>', 'upload the shards (*.tar) in this folder instead of making some')
    .option('--prefix <text>', 'begin of the names in the containers', DEFAULT_PREFIX)
    .option('--work-dir <dir>', 'folder for the shards that are made (default: dataset in the output folder)')
    .option('--seed <n>', 'what the images depend on, with their size', parseCount, DEFAULT_SEED)
    .option('--parallel <n>', 'blocks of 8 MiB on their way at a time (default: 8)', parseParallel)
    .option('--verify', 'upload nothing: compare what is in the containers with what should be there')
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (options: DatasetOptions, self: Command) => {
      const context = await resolve(self);
      const { storage: targets } = await context.outputs();
      const print = (line: string): void => {
        if (options.json !== true) process.stdout.write(`${line}\n`);
      };
      try {
        await interruptible(async (signal) => {
          const shards = await findShards(options, context, print, signal);
          const job: Job = { shards, targets, credential: await context.credential(), options, signal, print };
          await (options.verify === true ? verify(job) : upload(job));
        });
      } catch (error) {
        if (error instanceof Interrupted && options.verify !== true) {
          process.stderr.write('The same command goes on where this one was stopped.\n');
        }
        throw error;
      }
    });
}

async function findShards(
  { folder, workDir, seed, verify: isVerifying }: DatasetOptions,
  { settings, outputFolder }: CommandContext,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<readonly DatasetShard[]> {
  const workFolder = workDir ?? join(outputFolder, 'dataset');
  if (folder !== undefined) {
    return ownShards({ folder, workFolder, signal, onWarning: (message) => process.stderr.write(`warning: ${message}\n`) });
  }
  const { shards, imagesPerShard, imageSize: size } = settings.dataset;
  const dataset = { directory: workFolder, shards, imagesPerShard, size, seed };
  if (isVerifying === true) return expectedSyntheticShards(dataset);
  print(`==> Making ${formatCount(shards, 'shard')} of ${imagesPerShard} images of ${size}x${size} in ${workFolder}`);
  return makeSyntheticShards(dataset, signal);
}

async function upload({ shards, targets, credential, options, signal, print }: Job): Promise<void> {
  const { DatasetUploadError } = await import('@warpforge/azure-infra');
  const files = expectedBlobs(shards, targets, options.prefix).filter((blob): blob is DatasetFile => blob.path !== undefined);
  for (const letter of ['a', 'b'] as const) {
    const own = shards.filter((shard) => accountOf(shard) === letter).length;
    const { account, container } = targets[letter];
    print(`==> Uploading ${formatCount(own, 'shard')} to ${account}/${container}/${options.prefix}`);
  }
  const start = performance.now();
  try {
    const uploaded = await uploadShards(files, { credential, parallel: options.parallel, signal });
    if (options.json === true) process.stdout.write(uploadJson(uploaded, []));
    print(describeUploaded(uploaded, performance.now() - start));
  } catch (error) {
    if (options.json === true && error instanceof DatasetUploadError) process.stdout.write(uploadJson(error.uploaded, error.failures));
    throw error;
  }
}

async function verify({ shards, targets, credential, options, signal, print }: Job): Promise<void> {
  const { verifyDataset } = await import('@warpforge/azure-infra');
  const { prefix } = options;
  const report = await verifyDataset(expectedBlobs(shards, targets, prefix), {
    targets: [targets.a, targets.b],
    prefix,
    credential,
    signal,
    onPropagationWait: tellWait,
  });
  if (options.json === true) process.stdout.write(verifyJson(report));
  if (report.same > 0) print(describeVerified(report));
  if (report.differences.length > 0) throw new CommandError('NOT_DONE', describeDifferences(report.differences));
}

function parseCount(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('It must be a whole number of 0 or more.');
  return value;
}

function parseParallel(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > MOST_PARALLEL) {
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${MOST_PARALLEL}.`);
  }
  return value;
}
