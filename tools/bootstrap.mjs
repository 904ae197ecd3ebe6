// Installs the npm packages when they are missing or older than the lock file, then runs `tools/<program>/main.ts` on the pinned
// Node from source. Plain JavaScript without dependencies: it runs before anything is installed, on the system's Node.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const installed = join(root, 'node_modules', '.package-lock.json');
const pinnedNode = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

const [program, ...args] = process.argv.slice(2);
const main = join(root, 'tools', String(program), 'main.ts');
if (program === undefined || !existsSync(main)) {
  console.error(`warpforge: unknown program "${String(program)}"; there are demo, cachewarmer-demo, fake-azure, check, bench and stress`);
  process.exit(2);
}

/**
 * Whether what npm says it installed is what the lock file asks for. Packages for other systems are missing by right, so optional ones
 * don't count. A user's own `npm ci` or `npm install` is as good as ours.
 */
function isInstalled() {
  if (!existsSync(pinnedNode) || !existsSync(installed)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional, link }]) =>
      path === '' || optional || link || !path.includes('node_modules/') || present[path]?.version === version,
  );
}

if (isInstalled()) {
  console.error('warpforge: npm packages are installed');
} else {
  console.error('warpforge: installing npm packages (npm ci), about a minute the first time');
  const install = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (install.status !== 0) {
    console.error(`warpforge: npm ci failed${install.error ? ` (${install.error.message})` : ''}; the lines above say why`);
    process.exit(1);
  }
}

const env = { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH ?? ''}` };
const child = spawn(pinnedNode, ['--conditions=@warpforge/source', main, ...args], { cwd: root, env, stdio: 'inherit' });
// A terminal sends Ctrl-C to the whole group, others to this process alone; a program that gets it twice is already stopping.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  console.error(`warpforge: cannot start ${pinnedNode}: ${error.message}`);
  process.exit(1);
});
child.on('exit', (code, signal) => {
  process.exit(signal === null ? code : 128 + constants.signals[signal]);
});
