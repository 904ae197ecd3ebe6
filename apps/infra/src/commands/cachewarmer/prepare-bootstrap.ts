import type { BootstrapFile, BootstrapSource, ContainerTarget, StorageCredential } from '@warpforge/azure-infra';
import { Option, type Command } from 'commander';
import { basename } from 'node:path';
import { CONNECTION_STRING_VARIABLE } from '../../cachewarmer/storage-options.ts';
import { describeUploaded } from '../../dataset/dataset-text.ts';
import { tellWait, uploadShards } from '../../dataset/upload-shards.ts';
import { formatBytes } from '../../format.ts';
import { interruptible } from '../../interrupt.ts';
import { programVersion } from '../../version.ts';

const EXAMPLES = `
Makes the tarballs with which manager and workers are installed where no npm registry can be reached: the program with everything that it
needs, in one tarball, and Node. Run it where the registry can be reached; npm uses https_proxy, http_proxy and no_proxy of the environment,
and the registry of your .npmrc. The result is installed once on trial, without a registry, before it is handed out.

From there it gets to the machines as a folder (install-manager and install-worker with --packages) or as a container of blobs (--upload here,
then the setting packages_url for "cachewarmer provision"), which every machine downloads with its own identity: give the identities the role
Storage Blob Data Reader on the container. The upload signs in as you do, or with ${CONNECTION_STRING_VARIABLE} where that is set; a container
that is missing is made. A new version goes to a new folder or container. What machines install from Debian (npm, curl, nfs-common) is not
in it: without a mirror of those, take an image that has them.

Examples:
  $ warpforge-infra cachewarmer prepare-bootstrap --out packages
  $ npm run build && npm pack -w packages -w apps --pack-destination /tmp/packed      in a clone, for a version that is not published
  $ warpforge-infra cachewarmer prepare-bootstrap --packages /tmp/packed --out packages
  $ https_proxy=http://proxy.example.com:3128 warpforge-infra cachewarmer prepare-bootstrap --out packages \\
      --upload https://files.blob.core.windows.net/cachewarmer-0-1-0`;

interface PrepareBootstrapOptions {
  readonly out: string;
  readonly packages?: string;
  readonly arch: 'x64' | 'arm64';
  readonly upload?: string;
  readonly json?: true;
}

/** Where the tarballs are to be uploaded. */
interface Upload {
  readonly target: ContainerTarget;
  readonly credential: StorageCredential;
}

/** `cachewarmer prepare-bootstrap`: what machines without a registry are installed with. */
export function addPrepareBootstrapCommand(group: Command): void {
  group
    .command('prepare-bootstrap')
    .description('make the packages for machines that reach no npm registry')
    .requiredOption('--out <folder>', 'folder of the result')
    .option('--packages <folder>', "take this product's own packages from the .tgz files of a folder instead of the npm registry")
    .addOption(new Option('--arch <arch>', 'processors of the machines').choices(['x64', 'arm64']).default('x64'))
    .option('--upload <url>', 'upload the result to a container of blobs, such as https://account.blob.core.windows.net/packages')
    .option('--json', 'print the result as one JSON object; progress goes to standard error')
    .addHelpText('after', EXAMPLES)
    .action((options: PrepareBootstrapOptions) => interruptible((signal) => prepare(options, signal)));
}

async function prepare(options: PrepareBootstrapOptions, signal: AbortSignal): Promise<void> {
  const { bootstrapSource, prepareBootstrap } = await import('@warpforge/azure-infra');
  const progress = options.json === true ? process.stderr : process.stdout;
  const onStep = (step: string): void => void progress.write(`==> ${step}\n`);
  const onLine = (line: string): void => void progress.write(`    ${line}\n`);
  const source = await bootstrapSource({ version: programVersion(), arch: options.arch, packages: options.packages });
  // What is wrong with the container shows before the long work.
  const upload = options.upload === undefined ? undefined : await openUpload(options.upload, source, signal);
  const files = await prepareBootstrap(source, { out: options.out, signal, onStep, onLine });
  if (upload !== undefined) await uploadFiles(files, upload, { signal, onStep, onLine });
  if (options.json === true) process.stdout.write(`${JSON.stringify({ folder: options.out, files, container: options.upload ?? null })}\n`);
  else process.stdout.write(resultText(options, files));
}

async function openUpload(url: string, { names }: BootstrapSource, signal: AbortSignal): Promise<Upload> {
  const { connectionStringKey, openCredential, openPackagesContainer, parseContainerUrl } = await import('@warpforge/azure-infra');
  const target = parseContainerUrl(url);
  const connectionString = process.env[CONNECTION_STRING_VARIABLE] ?? '';
  const credential = connectionString === '' ? await openCredential() : await connectionStringKey(connectionString);
  await openPackagesContainer(target, names, { credential, signal, onPropagationWait: tellWait });
  return { target, credential };
}

async function uploadFiles(
  files: readonly BootstrapFile[],
  { target, credential }: Upload,
  { signal, onStep, onLine }: { signal: AbortSignal; onStep: (step: string) => void; onLine: (line: string) => void },
): Promise<void> {
  onStep(`uploading to ${target.endpoint}/${target.container}`);
  const start = performance.now();
  const blobs = files.map(({ path }) => ({ path, blobName: basename(path), target }));
  onLine(describeUploaded(await uploadShards(blobs, { credential, parallel: undefined, signal }), performance.now() - start));
}

function resultText({ out, upload }: PrepareBootstrapOptions, files: readonly BootstrapFile[]): string {
  const next =
    upload === undefined
      ? `warpforge-infra cachewarmer install-manager --packages ${out}`
      : `warpforge-infra cachewarmer provision --packages-url ${upload}`;
  return `${files.map(({ path, size }) => `${path}  ${formatBytes(size)}\n`).join('')}\nNext: ${next}\n`;
}
