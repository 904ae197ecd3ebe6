import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const RUN = join(import.meta.dirname, '../run');

describe('tools/run', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tools-run-'));
    for (const program of ['sh', 'dirname']) symlinkSync(`/usr/bin/${program}`, join(folder, program));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Puts a program into the only folder on PATH. */
  function program(name: string, script: string): void {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }

  function run(...args: string[]): { readonly code: number | null; readonly lines: readonly string[] } {
    const { status, stdout, stderr } = spawnSync('/bin/sh', [RUN, ...args], { env: { PATH: folder }, encoding: 'utf8' });
    return { code: status, lines: (stdout + stderr).trimEnd().split('\n') };
  }

  it('says in one line that Node is missing', () => {
    const { code, lines } = run('demo');
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/^warpforge: Node 20 or newer is needed and none was found on PATH/)]);
  });

  it.each(['0.10.48', '8.17.0', '18.20.4'])('says in one line that Node %s is too old', (version) => {
    program('node', `echo ${version}`);
    const { code, lines } = run('demo');
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringContaining(`Node 20 or newer is needed, this is ${version} (`)]);
  });

  it('hands over to a Node that is new enough', () => {
    program('node', 'case "$1" in -p) echo 20.0.0;; *) echo "$@";; esac');
    const { code, lines } = run('demo', '--json');
    expect(code).toBe(0);
    expect(lines).toEqual([expect.stringMatching(/\/bootstrap\.mjs demo --json$/)]);
  });

  it('names the programs when asked for one that is not there', () => {
    const { status, stderr } = spawnSync('/bin/sh', [RUN, 'nothing'], { encoding: 'utf8' });
    expect(status).toBe(2);
    expect(stderr).toBe('warpforge: unknown program "nothing"; there are demo, cachewarmer-demo, fake-azure, check, bench and stress\n');
  });
});
