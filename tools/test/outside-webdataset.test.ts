import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packPackage } from '../check/published-packages.ts';

const ROOT = join(import.meta.dirname, '../..');
const PACKAGE = join(ROOT, 'packages/webdataset');
const NATIVE = ['@julusian/jpeg-turbo', 'sharp'];

/** An example of the README: a program, or (`js`, with its name in the first line) a module that programs load. */
interface Example {
  readonly file: string;
  readonly code: string;
  readonly isProgram: boolean;
}

async function readmeExamples(): Promise<Example[]> {
  const readme = await readFile(join(PACKAGE, 'README.md'), 'utf8');
  return [...readme.matchAll(/```(ts|js)\n(.*?)```/gs)].map(([, language = '', code = ''], index) => {
    if (language === 'ts') return { file: `example-${index}.ts`, code, isProgram: true };
    return { file: /^\/\/ (\S+\.js)\n/.exec(code)![1]!, code, isProgram: false };
  });
}

let folder: string;
let examples: Example[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outside-webdataset-'));
  examples = await readmeExamples();
  await run('tsc', ['-b', join(PACKAGE, 'tsconfig.lib.json')], ROOT);
  expect(await packPackage(PACKAGE, folder)).toBe(join(folder, 'warpforge-webdataset.tgz'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs a program of the workspace or the system; what it prints. */
async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  // A stranger's process knows nothing of this workspace, but for the tools it may use.
  const env = { PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`, HOME: process.env['HOME'], NO_COLOR: '1' };
  const { stdout } = await promisify(execFile)(program, args, { cwd, env: { ...env, XDG_CACHE_HOME: join(folder, 'cache') } });
  return stdout;
}

/** A project with nothing but the tarball, and the README's examples in both languages. */
async function project(name: string, installOptions: readonly string[]): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  const manifest = { name, private: true, type: 'module', dependencies: { '@warpforge/webdataset': 'file:../warpforge-webdataset.tgz' } };
  await writeFile(join(path, 'package.json'), JSON.stringify(manifest));
  await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline', ...installOptions], path);
  for (const { file, code, isProgram } of examples) {
    await writeFile(join(path, file), code);
    if (isProgram) await writeFile(join(path, file.replace('.ts', '.mjs')), stripTypeScriptTypes(code));
  }
  return path;
}

/** Runs the examples one after the other, as each uses what the ones before it have made; the lines that each prints. */
async function runExamples(path: string, extension: '.mjs' | '.ts'): Promise<string[][]> {
  await rm(join(path, 'data'), { recursive: true, force: true });
  const outputs: string[][] = [];
  for (const { file } of examples.filter(({ isProgram }) => isProgram)) {
    outputs.push((await run(process.execPath, [file.replace('.ts', extension)], path)).trim().split('\n'));
  }
  return outputs;
}

describe('the packed webdataset, installed outside this workspace', () => {
  let outputs: string[][];

  it('runs the examples of its README from JavaScript, without any native decoder', async () => {
    const path = await project('plain', ['--omit=optional']);
    for (const name of NATIVE) expect(existsSync(join(path, 'node_modules', name)), name).toBe(false);
    outputs = await runExamples(path, '.mjs');
    expect(outputs[0]![0]).toMatch(/^data\/train\/shard-000000\.tar 20 \d+$/);
  });

  it('runs them from TypeScript, to the same result, and has types that a strict compiler accepts', async () => {
    const path = join(folder, 'plain');
    expect(await runExamples(path, '.ts')).toEqual(outputs);
    const compilerOptions = {
      strict: true,
      noEmit: true,
      target: 'es2024',
      module: 'nodenext',
      lib: ['es2024', 'esnext.disposable'],
      types: ['node'],
      typeRoots: [join(ROOT, 'node_modules/@types')],
      skipLibCheck: false,
      allowJs: true,
    };
    await writeFile(join(path, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['example-*.ts'] }));
    await expect(run('tsc', ['-p', '.'], path).catch((error: unknown) => (error as { stdout: string }).stdout)).resolves.toBe('');
  });

  it('runs them with the fast decoders, to the same result', async () => {
    const path = await project('fast', []);
    for (const name of NATIVE) expect(existsSync(join(path, 'node_modules', name)), name).toBe(true);
    expect(await runExamples(path, '.mjs')).toEqual(outputs);
  });

  it('has a command', async () => {
    const command = join(folder, 'plain/node_modules/.bin/webdataset');
    expect(await run(command, ['--help'], folder)).toContain('Usage: webdataset ');
    expect(await run(command, ['ls', '--json', 'data/train'], join(folder, 'plain'))).toContain('"key":"00000049"');
  });
});
