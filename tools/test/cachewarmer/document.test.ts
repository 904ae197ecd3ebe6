import { startAzurite } from '@warpforge/blob-backend/testing';
import { parseWarmJob } from '@warpforge/cache-warmer';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { commandsOf } from '../../deploy-guide/commands.ts';
import { fencedBlocks } from '../../deploy-guide/markdown.ts';
import { ProgramFlags } from '../../deploy-guide/program-flags.ts';
import { RunningProgram } from '../infra/running-program.ts';

vi.setConfig({ testTimeout: 180_000 });

const ROOT = join(import.meta.dirname, '../../..');
const DOCUMENT = join(ROOT, 'docs/cachewarmer.md');
const document = readFileSync(DOCUMENT, 'utf8');
const environment = { ...process.env, PATH: [join(ROOT, 'node_modules/.bin'), process.env['PATH'] ?? ''].join(delimiter) };

function block(language: string, with_: string): string {
  const found = fencedBlocks(document).find((one) => one.language === language && one.lines.join('\n').includes(with_));
  return found?.lines.join('\n') ?? '';
}

describe('what the document of the CacheWarmer says', () => {
  it('names commands and flags that exist', () => {
    const flags = new ProgramFlags(environment);
    const commands = commandsOf(document, ['warpforge-infra']);
    expect(commands.length).toBeGreaterThan(18);
    expect(commands.flatMap((command) => flags.fault(command) ?? [])).toEqual([]);
    expect(flags.fault({ line: 1, words: ['warpforge-infra', 'cachewarmer', 'submits'] })).toContain('there is no such command');
    expect(flags.fault({ line: 1, words: ['warpforge-infra', 'cachewarmer', 'submit', '--jobs'] })).toContain('takes no --jobs');
  });

  it('shows jobs that are jobs', () => {
    expect(parseWarmJob(block('json', 'ExclusionList'))).toMatchObject({ exclusionList: ['*.tmp', 'old/**'] });
    expect(parse(block('yaml', 'WarmTargets'))).toHaveProperty('WarmTargets');
  });

  it('links to what is there', () => {
    const links = [...document.matchAll(/\]\((?!https:)([^)#]+)\)/g)].map(([, path = '']) => join(dirname(DOCUMENT), path));
    expect(links.filter((path) => !existsSync(path))).toEqual([]);
    expect(links.length).toBeGreaterThan(1);
  });

  it('names metrics that the services have, and all of them', () => {
    const source = readFileSync(join(ROOT, 'apps/infra/src/cachewarmer/service-metrics.ts'), 'utf8');
    const names = (text: string): string[] => [...new Set(text.match(/warpforge_cachewarmer_[a-z]+[a-z_]*[a-z]/g) ?? [])].sort();
    expect(names(document)).toEqual(names(source));
  });

  it('has a manifest for KEDA whose workers take the flags that it gives them', () => {
    const documents = parseAllDocuments(readFileSync(join(ROOT, 'apps/infra/kubernetes/cachewarmer-scaledjob.yaml'), 'utf8')).map(
      (one) => one.toJS() as { kind: string; spec?: { jobTargetRef: { template: { spec: { containers: { args: string[] }[] } } } } },
    );
    expect(documents.map(({ kind }) => kind)).toEqual(['ServiceAccount', 'TriggerAuthentication', 'ScaledJob']);
    const args = documents[2]?.spec?.jobTargetRef.template.spec.containers[0]?.args ?? [];
    expect(new ProgramFlags(environment).fault({ line: 1, words: ['warpforge-infra', 'cachewarmer', ...args] })).toBeUndefined();
  });
});

describe('a program that submits by the Storage SDK', () => {
  it('gets its report from a manager and a worker of this machine', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'warpforge-sdk-'));
    try {
      mkdirSync(join(folder, 'export'));
      writeFileSync(join(folder, 'export/a'), 'content');
      const job = { WarmTargetMountAddresses: [pathToFileURL(folder).href], WarmTargetExportPath: '/export', WarmTargetPath: '/' };
      writeFileSync(join(folder, 'job.json'), JSON.stringify(job));
      await using azurite = await startAzurite({ accounts: [{ name: 'sdk' }], queues: true });
      const env = { ...environment, AZURE_STORAGE_CONNECTION_STRING: azurite.accounts[0]?.connectionString ?? '' };
      const start = (file: string, args: readonly string[]): RunningProgram => new RunningProgram({ file, args, cwd: folder, env });
      // The first command makes the queues.
      const status = start('warpforge-infra', ['cachewarmer', 'status']);
      expect((await status.end).stdout).toContain('No jobs yet');
      const example = join(ROOT, 'packages/cache-warmer/examples/submit-with-sdk.ts');
      await using submit = start(process.execPath, [example, 'job.json']);
      await submit.printed('is on the queue');
      await using manager = start('warpforge-infra', ['cachewarmer', 'manager', '--launcher', 'local', '--workers', '1', '--once']);
      const { code, stdout, stderr } = await submit.end;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^job \S+ is on the queue\nwarm: 1 files, 7 bytes\n$/);
      expect((await manager.end).code).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the demo of the CacheWarmer', () => {
  it('does all of it from nothing, and leaves nothing', async () => {
    const temporary = mkdtempSync(join(tmpdir(), 'warpforge-cw-demo-'));
    const child = spawn('sh', [join(ROOT, 'tools/run'), 'cachewarmer-demo', '--files', '300', '--json'], {
      env: { ...environment, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (data: Buffer) => (output.stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (output.stderr += data.toString()));
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(code, output.stderr).toBe(0);
    expect(JSON.parse(output.stdout)).toMatchObject({ state: 'warm', files: 301, skipped: { exclusion: 10 } });
    rmSync(temporary, { recursive: true, force: false });
  });
});
