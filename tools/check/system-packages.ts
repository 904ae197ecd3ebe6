import { existsSync } from 'node:fs';
import { runCommand } from './command.ts';

interface SystemPackage {
  /** Name of the Debian or Ubuntu package. */
  readonly name: string;
  /** One of these exists once it is installed. */
  readonly files: readonly string[];
  readonly neededBy: string;
}

/** What tests use beyond Node; the product itself needs none of it when it runs as root with /dev/fuse. */
const SYSTEM_PACKAGES: readonly SystemPackage[] = [
  { name: 'fuse3', files: ['/usr/bin/fusermount3', '/bin/fusermount3'], neededBy: 'mounts of an ordinary user' },
  { name: 'python3', files: ['/usr/bin/python3', '/usr/local/bin/python3'], neededBy: 'tar archives against Python' },
];

/**
 * Installs the missing Debian packages when it may (root, apt-get), else names them with the command that does; the tests that need
 * one then skip by name.
 */
export async function checkSystemPackages(): Promise<boolean> {
  const missing = SYSTEM_PACKAGES.filter(({ files }) => !files.some((file) => existsSync(file)));
  if (missing.length === 0) {
    process.stdout.write(`      present: ${SYSTEM_PACKAGES.map(({ name }) => name).join(', ')}\n`);
    return true;
  }
  const names = missing.map(({ name }) => name);
  for (const { name, neededBy } of missing) process.stdout.write(`      missing: ${name} (${neededBy})\n`);
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    process.stdout.write(`      tests that need them are skipped; to run them: ${aptGetLine(names)}\n`);
    return true;
  }
  process.stdout.write(`      installing: ${names.join(', ')}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-y', '-q', '--no-install-recommends', ...names];
  // A fresh image has no package lists, and an old one names files that are gone: refresh them only when the first try fails.
  if (await runCommand('apt-get', install, { env, quiet: true })) return true;
  return (
    (await runCommand('apt-get', ['update', '-q'], { env, quiet: true })) && (await runCommand('apt-get', install, { env, quiet: true }))
  );
}

/** The command that a person types to get the packages. */
export function aptGetLine(names: readonly string[] = SYSTEM_PACKAGES.map(({ name }) => name)): string {
  return `sudo apt-get install -y ${names.join(' ')}`;
}
