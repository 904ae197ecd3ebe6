import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const bin = fileURLToPath(new URL('../bin/warpforge-infra.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'warpforge-infra-'));
afterAll(() => rmSync(folder, { recursive: true }));

function run(args: readonly string[], options: { environment?: Record<string, string>; input?: string } = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], {
    encoding: 'utf8',
    input: options.input ?? '',
    env: { PATH: process.env['PATH'], ...options.environment },
  });
  return { status, stdout, stderr };
}

describe('warpforge-infra', () => {
  it.each([['--help'], ['plan', '--help'], ['provision', '--help'], ['cachewarmer', 'check', '--help']])(
    'shows help for %s %s %s',
    (...args) => {
      const { status, stdout } = run(args);
      expect(status).toBe(0);
      expect(stdout).toContain('Usage: warpforge-infra');
      if (args.length > 1) expect(stdout).toContain('Examples:');
    },
  );

  it.each([['--nonsense'], ['paln'], ['plan', '--nonsense'], ['cachewarmer', 'check'], []])(
    'exits with 2 on wrong usage: %s %s',
    (...args) => {
      const { status, stderr } = run(args);
      expect(status).toBe(2);
      expect(stderr).toContain('--help');
    },
  );
});

describe('warpforge-infra plan', () => {
  it('prints the plan as a table, with the settings of the environment', () => {
    const { status, stdout } = run(['plan', '--offline'], { environment: { VM_SIZE: 'Standard_D8s_v5', STORAGE_ACCOUNT_A: 'mydata' } });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Compute\/virtualMachines +warpdrive-forge-vm +canadacentral +Standard_D8s_v5, Canonical:/m);
    expect(stdout).toMatch(/^Storage\/storageAccounts +mydata +canadacentral +StorageV2, Standard_LRS, no shared keys$/m);
    expect(stdout).toContain('12 resources');
    expect(stdout).toContain('set by the environment: STORAGE_ACCOUNT_A, VM_SIZE\n');
  });

  it('prints one JSON object', () => {
    const { status, stdout } = run(['plan', '--offline', '--json']);
    expect(status).toBe(0);
    const { resources } = JSON.parse(stdout) as { resources: { type: string }[] };
    expect(resources).toHaveLength(12);
  });

  it('names every faulty variable and exits with 1', () => {
    const { status, stdout, stderr } = run(['plan', '--offline'], { environment: { VM_SIZE: 'huge', NUM_SHARDS: 'many' } });
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain('VM_SIZE: must be a VM size');
    expect(stderr).toContain('NUM_SHARDS: must be a whole number');
  });

  it('does not pretend to ask Azure', () => {
    const { status, stderr } = run(['plan']);
    expect(status).toBe(1);
    expect(stderr).toContain('--offline');
  });
});

describe('warpforge-infra provision', () => {
  it('validates the settings first, and then says that it does not deploy', () => {
    expect(run(['provision'], { environment: { LOCATION_A: 'Canada Central' } }).stderr).toContain('LOCATION_A');
    const { status, stdout, stderr } = run(['provision']);
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain('deploying is not part of this version');
  });
});

describe('warpforge-infra cachewarmer check', () => {
  const job = JSON.stringify({ WarmTargetMountAddresses: ['10.0.1.11'], WarmTargetExportPath: '/animation', WarmTargetPath: '/scene1' });

  it('reads a job from a file, and base64 from standard input', () => {
    const file = join(folder, 'job.json');
    writeFileSync(file, job);
    expect(run(['cachewarmer', 'check', file])).toMatchObject({ status: 0, stdout: 'valid: warms /animation/scene1 through 10.0.1.11\n' });
    const { status, stdout } = run(['cachewarmer', 'check', '-', '--json'], { input: Buffer.from(job).toString('base64') });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ exportPath: '/animation', maxFileSizeBytes: 0 });
  });

  it('names the faults of a bad one, and a file that is not there', () => {
    expect(run(['cachewarmer', 'check', '-'], { input: '{"WarmTargetPath": "scene1"}' })).toMatchObject({ status: 1, stdout: '' });
    expect(run(['cachewarmer', 'check', '-'], { input: '{"WarmTargetPath": "scene1"}' }).stderr).toContain(
      'WarmTargetPath: must be an absolute path',
    );
    const missing = run(['cachewarmer', 'check', join(folder, 'missing.json')]);
    expect(missing.status).toBe(1);
    expect(missing.stderr).toContain('no such file');
    expect(missing.stderr).not.toContain('    at ');
  });
});
