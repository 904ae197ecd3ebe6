import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { startWarpforgeInfra, warpforgeInfra } from './program.ts';

const BIN = fileURLToPath(new URL('../bin/warpforge-infra.mjs', import.meta.url));
const COMMANDS = ['plan', 'provision', 'status', 'teardown', 'dataset', 'setup', 'config', 'run', 'cachewarmer'];
const folder = mkdtempSync(join(tmpdir(), 'warpforge-infra-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('warpforge-infra', () => {
  it('lists its commands in groups', () => {
    const { status, stdout, stderr } = startWarpforgeInfra(['--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('Usage: warpforge-infra');
    expect(stdout.match(/^[A-Z][\w ]*:$/gm)).toEqual([
      'Options:',
      'Environment:',
      'Data and training:',
      'CacheWarmer:',
      'Commands:',
      'Examples:',
    ]);
    expect([...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name)).toEqual([...COMMANDS, 'help']);
  });

  it.each([...COMMANDS.slice(0, -1), 'cachewarmer check'])('helps with %s', async (command) => {
    const { status, stdout, stderr } = await warpforgeInfra([...command.split(' '), '--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(`Usage: warpforge-infra ${command}`);
    expect(stdout).toMatch(new RegExp(`^ {2}\\$ .*warpforge-infra ${command}`, 'm'));
    // Nothing to take colours from.
    expect(stdout).not.toContain('\u001B');
  });

  it.each(['--nonsense', 'paln', 'plan --nonsense', 'cachewarmer check', ''])('exits with 2 on wrong usage: "%s"', async (line) => {
    const { status, stderr } = await warpforgeInfra(line === '' ? [] : line.split(' '));
    expect(status).toBe(2);
    expect(stderr).toContain('--help');
  });

  it('loads neither validators nor SDKs for its help', () => {
    const list = join(folder, 'loaded');
    const hook = `import { registerHooks } from 'node:module';
import { writeFileSync } from 'node:fs';
const loaded = [];
registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
process.on('exit', () => writeFileSync(${JSON.stringify(list)}, loaded.join('\\n')));`;
    const args = ['--conditions=@warpforge/source', '--import', `data:text/javascript,${encodeURIComponent(hook)}`];
    const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
    const { status } = spawnSync(process.execPath, [...args, main, 'plan', '--help'], { encoding: 'utf8' });
    expect(status).toBe(0);
    const loaded = readFileSync(list, 'utf8').split('\n');
    const isOurs = (url: string): boolean =>
      url.startsWith('node:') || url.includes('/apps/infra/') || url.includes('/settings/definitions.');
    expect(loaded.length).toBeGreaterThan(10);
    expect(loaded.filter((url) => !isOurs(url) && !url.includes('/commander/'))).toEqual([]);
  });

  it('names every faulty setting with where it comes from, and exits with 2', () => {
    writeFileSync(join(folder, 'warpforge.yaml'), 'vm_nmae: vm\nnum_shards: 1\n');
    const { status, stdout, stderr } = startWarpforgeInfra(['dataset', '--image-size', 'large'], {
      cwd: folder,
      env: { IMAGES_PER_SHARD: 'many' },
    });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toBe(`warpforge-infra: the settings have 4 faults:
  warpforge.yaml:1:1: vm_nmae: there is no such setting; did you mean "vm_name"?
  warpforge.yaml:2:1: num_shards: must be a whole number of at least 2 and at most 1000000
  IMAGES_PER_SHARD: must be a whole number of at least 1 and at most 1000000
  --image-size: must be a whole number of at least 8 and at most 4096
`);
  });

  it('takes another settings file, which must be there then', async () => {
    const missing = await warpforgeInfra(['plan', '--offline', '--settings', 'missing.yaml'], { cwd: folder });
    expect(missing).toMatchObject({ status: 2, stdout: '' });
    expect(missing.stderr).toContain('cannot read the settings missing.yaml: there is no such file; name another file with --settings');
  });

  it('does not mind a reader that goes away', async () => {
    const child = spawn(process.execPath, [BIN, 'plan', '--offline', '--json'], { cwd: tmpdir(), stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
    child.stdout.destroy();
    const [code] = (await once(child, 'close')) as [number | null];
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('warpforge-infra cachewarmer check', () => {
  const job = JSON.stringify({ WarmTargetMountAddresses: ['10.0.1.11'], WarmTargetExportPath: '/animation', WarmTargetPath: '/scene1' });

  it('reads a job from a file, and base64 from standard input', async () => {
    const file = join(folder, 'job.json');
    writeFileSync(file, job);
    expect(await warpforgeInfra(['cachewarmer', 'check', file])).toMatchObject({
      status: 0,
      stdout: 'valid: warms /animation/scene1 through 10.0.1.11\n',
    });
    const { status, stdout } = startWarpforgeInfra(['cachewarmer', 'check', '-', '--json'], { input: Buffer.from(job).toString('base64') });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ target: { exportPath: '/animation' }, maxFileSizeBytes: 0 });
  });

  it('names the faults of a bad one, and a file that is not there', async () => {
    const bad = startWarpforgeInfra(['cachewarmer', 'check', '-'], { input: '{"WarmTargetPath": "scene1"}' });
    expect(bad).toMatchObject({ status: 1, stdout: '' });
    expect(bad.stderr).toContain('WarmTargetPath: must be an absolute path');
    const missing = await warpforgeInfra(['cachewarmer', 'check', join(folder, 'missing.json')]);
    expect(missing.status).toBe(1);
    expect(missing.stderr).toContain('no such file');
    expect(missing.stderr).not.toContain('    at ');
  });
});
