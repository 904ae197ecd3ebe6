import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BootstrapError } from './errors.ts';
import { runNpm, type NpmOptions } from './npm.ts';
import type { BootstrapSource } from './bootstrap-source.ts';

const PROGRAM = '@warpforge/infra';

/** What nobody reads on a machine that only runs the programs. It is most of the files, and npm unpacks a tarball three times. */
const UNUSED = /\.(d\.[cm]?ts|map)$/;

const manifestSchema = z.looseObject({ dependencies: z.record(z.string(), z.string()).default({}) });

/**
 * Makes one tarball of `@warpforge/infra` with everything that it needs inside. Tarballs of the dependencies would not do: npm
 * cannot install several versions of a package side by side from those.
 *
 * @param staging an empty folder to work in.
 * @param target folder of the tarball.
 */
export async function bundleProgram(
  { version, own }: BootstrapSource,
  staging: string,
  target: string,
  options: NpmOptions,
): Promise<void> {
  const tarballs = Object.fromEntries([...(own?.byName ?? [])].map(([name, file]) => [name, `file:${file}`]));
  const { [PROGRAM]: program = version, ...overrides } = tarballs;
  await writeFile(join(staging, 'package.json'), JSON.stringify({ private: true, dependencies: { [PROGRAM]: program }, overrides }));
  // Everything that the program needs goes below it. What is optional makes images faster, which these machines don't do; without it the
  // bundle is one for all processors.
  const layout = ['--install-strategy=shallow', '--omit=dev', '--omit=optional', '--no-package-lock', '--no-audit', '--no-fund'];
  await runNpm(`could not fetch ${PROGRAM} ${version}`, ['install', '--prefix', staging, ...layout], options).catch(adviseOnRegistry);
  const folder = join(staging, 'node_modules', PROGRAM);
  await removeUnused(join(folder, 'node_modules'), options.signal);
  await nameBundled(join(folder, 'package.json'));
  await runNpm('could not pack the programs', ['pack', folder, '--pack-destination', target], options);
}

function adviseOnRegistry(error: unknown): never {
  if (!(error instanceof BootstrapError)) throw error;
  throw new BootstrapError(
    error.code,
    `${error.message}\n"npm config get registry" shows which registry is asked; https_proxy and no_proxy count; --packages takes this product's own packages from a folder`,
    { cause: error },
  );
}

async function nameBundled(path: string): Promise<void> {
  const manifest = manifestSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  await writeFile(path, JSON.stringify({ ...manifest, bundleDependencies: Object.keys(manifest.dependencies) }, undefined, 2));
}

async function removeUnused(folder: string, signal: AbortSignal): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    signal.throwIfAborted();
    if (entry.isFile() && UNUSED.test(entry.name)) await rm(join(entry.parentPath, entry.name));
  }
}
