import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../command.ts';

interface Manifest {
  readonly name: string;
  readonly bin?: Record<string, string>;
  readonly exports: Record<string, unknown>;
}

interface Workspace {
  readonly folder: string;
  readonly manifest: Manifest;
}

/**
 * Every package as a stranger gets it: packed, its surface checked by `publint --strict` and `attw`, then all tarballs installed
 * together into an empty folder where each library is imported, each command asked for its help, and the deployment guide followed from
 * top to bottom.
 */
export async function checkPackages(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'warpforge-packages-'));
  try {
    const workspaces = [...(await workspacesIn('packages')), ...(await workspacesIn('apps'))];
    return (
      (await allHold(workspaces.map((workspace) => () => checkSurface(workspace, folder)))) && (await checkInstall(workspaces, folder))
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function workspacesIn(parent: string): Promise<Workspace[]> {
  const names = await readdir(parent);
  return Promise.all(
    names.map(async (name) => {
      const folder = join(parent, name);
      return { folder, manifest: JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest };
    }),
  );
}

function tarballName({ name }: Manifest): string {
  return `${name.replace('@', '').replace('/', '-')}.tgz`;
}

/**
 * Packs a built package as `npm publish` would.
 *
 * @param folder of the package
 * @param target folder that the tarball is put into, under a name without its version
 * @returns path of the tarball; undefined when `npm pack` has failed, and said why
 */
export async function packPackage(folder: string, target: string): Promise<string | undefined> {
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
  const packed = await runCommand('npm', ['pack', '--silent', '--pack-destination', target], { cwd: folder, quiet: true });
  if (!packed) return undefined;
  const name = tarballName(manifest);
  const versioned = (await readdir(target)).find((file) => file.startsWith(name.replace('.tgz', '-')) && /-\d+\.\d+\.\d+\.tgz$/.test(file));
  if (versioned === undefined) throw new Error(`npm pack of ${manifest.name} left no tarball in ${target}`);
  await rename(join(target, versioned), join(target, name));
  return join(target, name);
}

async function checkSurface({ folder, manifest }: Workspace, target: string): Promise<boolean> {
  process.stdout.write(`      ${manifest.name}\n`);
  const tarball = await packPackage(folder, target);
  if (tarball === undefined) return false;
  const published = await runCommand('publint', ['run', tarball, '--strict'], { quiet: true });
  // A command without an importable entry has no types to check.
  if (manifest.exports['.'] === undefined) return published;
  return (await runCommand('attw', [tarball, '--profile', 'esm-only'], { quiet: true })) && published;
}

async function checkInstall(workspaces: readonly Workspace[], target: string): Promise<boolean> {
  process.stdout.write('      install of all tarballs\n');
  const project = join(target, 'project');
  await mkdir(project);
  const dependencies = Object.fromEntries(workspaces.map(({ manifest }) => [manifest.name, `file:../${tarballName(manifest)}`]));
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'stranger', private: true, type: 'module', dependencies }));
  await writeFile(join(project, '.npmrc'), await readFile('.npmrc', 'utf8'));
  const install = ['install', '--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline'];
  if (!(await runCommand('npm', install, { cwd: project, quiet: true }))) return false;
  const checks: (() => Promise<boolean>)[] = [];
  for (const { manifest } of workspaces) {
    if (manifest.exports['.'] !== undefined) {
      const script = `const library = await import('${manifest.name}'); if (Object.keys(library).length === 0) throw new Error('${manifest.name} exports nothing');`;
      checks.push(() => runCommand(process.execPath, ['--input-type=module', '--eval', script], { cwd: project, quiet: true }));
    }
    for (const command of Object.keys(manifest.bin ?? {})) {
      checks.push(() => runCommand(join(project, 'node_modules', '.bin', command), ['--help'], { cwd: project, quiet: true }));
    }
  }
  return (await allHold(checks)) && (await checkGuide(project));
}

/** Makes checks, two at a time: each of them is one process, and a small machine has two processors. */
async function allHold(checks: readonly (() => Promise<boolean>)[]): Promise<boolean> {
  const waiting = checks.values();
  let hold = true;
  const work = async (): Promise<void> => {
    for (const check of waiting) if (!(await check())) hold = false;
  };
  await Promise.all([work(), work()]);
  return hold;
}

/** With the programs of the tarballs, here and on the VM, and `nx` of the clone. `npm run stress -- guide` does it with those of the clone. */
async function checkGuide(project: string): Promise<boolean> {
  const document = 'docs/deploy-azure.md';
  // Only now: the steps before this one must run whatever is wrong with a package.
  const { whyNoLocalVm } = await import('@warpforge/azure-infra/testing');
  const { followGuide } = await import('../deploy-guide/follow-guide.ts');
  const { brokenPromises } = await import('../deploy-guide/guide-promises.ts');
  const reason = whyNoLocalVm();
  process.stdout.write(`      ${document}${reason === undefined ? '' : ` is not followed: ${reason}`}\n`);
  if (reason !== undefined) return true;
  const followed = await followGuide({ document, programs: project, clone: process.cwd() });
  const faults = brokenPromises(followed);
  if (faults.length > 0) process.stdout.write(`${followed.output}${faults.map((fault) => `      ${fault}\n`).join('')}`);
  return faults.length === 0;
}
