import { copyFile, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { runProgram } from '../machine/run-program.ts';
import { NODE_VERSION } from '../machine/vm-setup.ts';
import type { BootstrapSource } from './bootstrap-source.ts';
import { bundleProgram } from './bundle-program.ts';
import { BootstrapError } from './errors.ts';
import { runNpm, type NpmOptions } from './npm.ts';

/** How it is made. */
export interface BootstrapOptions extends NpmOptions {
  /** Folder of the result, which is made where it is missing. */
  readonly out: string;
  /** Told what is done next, in words. */
  readonly onStep: (step: string) => void;
}

/** A file of the result. */
export interface BootstrapFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * Makes a folder of npm tarballs with which managers and workers are installed where no registry can be reached: the program with all that
 * it needs, and Node. Installs them once, without a registry, before it hands them out. Nothing else is left, also after an abort.
 *
 * @throws {BootstrapError}
 */
export async function prepareBootstrap(source: BootstrapSource, options: BootstrapOptions): Promise<BootstrapFile[]> {
  const { out, signal, onStep } = options;
  await refuseOthers(out, source.names);
  const staging = await mkdtemp(join(tmpdir(), 'warpforge-bootstrap-'));
  try {
    const [tree, made, trial] = [join(staging, 'tree'), join(staging, 'made'), join(staging, 'trial')];
    for (const folder of [tree, made, trial]) await mkdir(folder);
    onStep(`fetching ${source.own === undefined ? '@warpforge/infra and ' : ''}what the program needs from the npm registry`);
    await bundleProgram(source, tree, made, options);
    onStep(`fetching Node ${NODE_VERSION} for ${source.arch}`);
    await packNode(source, made, options);
    const files = source.names.map((name) => join(made, name));
    onStep('installing it on trial, without a registry');
    await installOnTrial(files, source.arch, trial, options);
    signal.throwIfAborted();
    return await Promise.all(files.map((file) => handOut(file, out)));
  } finally {
    await rm(staging, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function packNode({ own, arch }: BootstrapSource, made: string, options: NpmOptions): Promise<void> {
  if (own?.node !== undefined) await copyFile(own.node, join(made, basename(own.node)));
  else await runNpm('could not fetch Node', ['pack', `node-linux-${arch}@${NODE_VERSION}`, '--pack-destination', made], options);
}

/** As on a machine: into an empty folder, with nothing in npm's cache; and the program must start. */
async function installOnTrial(files: readonly string[], arch: string, folder: string, options: NpmOptions): Promise<void> {
  const place = ['--prefix', folder, '--cache', join(folder, 'cache'), '--offline', '--os=linux', `--cpu=${arch}`, '--libc=glibc'];
  const layout = ['--omit=dev', '--no-package-lock', '--no-audit', '--no-fund'];
  const task = 'the packages cannot be installed without a registry';
  await runNpm(task, ['install', ...place, ...layout, ...files], options).catch((error: unknown) => {
    if (!(error instanceof BootstrapError)) throw error;
    throw new BootstrapError('BOOTSTRAP_INCOMPLETE', error.message, { cause: error });
  });
  const program = join(folder, 'node_modules/@warpforge/infra/bin/warpforge-infra.mjs');
  let said = '';
  const onLine = (_stream: string, line: string): void => {
    said = line;
  };
  const status = await runProgram([process.execPath, program, '--version'], { signal: options.signal, onLine });
  if (status !== 0) throw new BootstrapError('BOOTSTRAP_INCOMPLETE', `the program in the packages does not start: ${said}`);
}

/** All tarballs of a folder are installed together, so there can be no others beside these. */
async function refuseOthers(out: string, names: readonly string[]): Promise<void> {
  await makeFolder(out);
  const others = (await readdir(out)).filter((name) => name.endsWith('.tgz') && !names.includes(name));
  if (others.length === 0) return;
  throw new BootstrapError(
    'BOOTSTRAP_PACKAGES',
    `${out} has other packages (${others.join(', ')}), and machines would install them too: name an empty folder`,
  );
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BootstrapError('BOOTSTRAP_PACKAGES', `cannot make the folder ${folder}: ${why}`, { cause });
  }
}

async function handOut(file: string, out: string): Promise<BootstrapFile> {
  const path = join(out, basename(file));
  await copyFile(file, `${path}.partial`);
  await rename(`${path}.partial`, path);
  return { path, size: (await stat(path)).size };
}
