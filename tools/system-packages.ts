import { existsSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { runCommand } from './command.ts';

/** A Debian or Ubuntu package that a test or a benchmark uses beyond Node. */
export interface SystemPackage {
  readonly name: string;
  /** What shows that it is installed: a program on PATH, or a file by its absolute path. */
  readonly program: string;
  readonly neededBy: string;
}

/** Where Debian's own Python, and no other, finds modules. */
const PYTHON_MODULES = '/usr/lib/python3/dist-packages';

/** What tests use; the product itself needs none of it when it runs as root with /dev/fuse. */
export const TEST_PACKAGES: readonly SystemPackage[] = [
  { name: 'fuse3', program: 'fusermount3', neededBy: 'mounts of an ordinary user' },
  { name: 'python3', program: 'python3', neededBy: 'tar archives against Python' },
  { name: 'zstd', program: 'zstd', neededBy: 'shards packed by `tar --zstd`' },
  { name: 'python3-numpy', program: `${PYTHON_MODULES}/numpy`, neededBy: 'arrays against NumPy' },
  { name: 'python3-pil', program: `${PYTHON_MODULES}/PIL`, neededBy: 'scaled images against Pillow' },
  { name: 'chromium', program: 'chromium', neededBy: "the trainer's report, and its WebGPU on the software driver that comes along" },
];

/** What the benchmarks of the mount use: the load generator and the peer. */
export const MOUNT_BENCHMARK_PACKAGES: readonly SystemPackage[] = [
  { name: 'fio', program: 'fio', neededBy: 'the load' },
  { name: 'rclone', program: 'rclone', neededBy: 'the peer' },
  { name: 'fuse3', program: 'fusermount3', neededBy: 'the mount of rclone' },
];

/** What the benchmarks of the loader use: the peer. */
export const LOADER_BENCHMARK_PACKAGES: readonly SystemPackage[] = [
  { name: 'python3', program: '/usr/bin/python3', neededBy: 'the loader in Python' },
  { name: 'python3-pil', program: `${PYTHON_MODULES}/PIL`, neededBy: 'its image decoder' },
];

/** The packages of a list that are not installed. */
export function missingPackages(packages: readonly SystemPackage[]): SystemPackage[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const isInstalled = (program: string): boolean =>
    isAbsolute(program) ? existsSync(program) : folders.some((folder) => existsSync(join(folder, program)));
  return packages.filter(({ program }) => !isInstalled(program));
}

/** Whether this process may install Debian packages. */
export function mayInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

/** Installs packages with apt-get, as root, and says whether that worked. */
export async function installPackages(packages: readonly SystemPackage[]): Promise<boolean> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-y', '-q', '--no-install-recommends', ...packages.map(({ name }) => name)];
  // A fresh image has no package lists, and an old one names files that are gone: refresh them only when the first try fails.
  if (await runCommand('apt-get', install, { env, quiet: true, quietFailure: true })) return true;
  return (
    (await runCommand('apt-get', ['update', '-q'], { env, quiet: true })) && (await runCommand('apt-get', install, { env, quiet: true }))
  );
}

/** The command that a person types to get the packages. */
export function aptGetLine(packages: readonly SystemPackage[]): string {
  return `sudo apt-get install -y ${packages.map(({ name }) => name).join(' ')}`;
}
