import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

function runFromRoot(program: string, ...args: string[]): { readonly code: number | null; readonly output: string } {
  const PATH = `${join(ROOT, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`;
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, PATH, NO_COLOR: '1' },
  });
  return { code: status, output: stdout + stderr };
}

describe('from the root of a clone, without a build', () => {
  it.each([
    ['warpdrive', 'Usage: warpdrive '],
    ['warpforge-train', 'Usage: warpforge-train '],
    ['warpforge-infra', 'Usage: warpforge-infra '],
  ])('%s runs', (command, usage) => {
    const { code, output } = runFromRoot(command, '--help');
    expect(output).toContain(usage);
    expect(code).toBe(0);
  });

  it.each([
    ['mount:serve', 'Usage: warpdrive serve '],
    ['mount:warm', 'Usage: warpdrive warm '],
    ['trainer:run', 'Usage: warpforge-train run '],
    ['infra:provision', 'Usage: warpforge-infra provision '],
  ])('nx run %s passes its arguments on', (target, usage) => {
    // After "--", because "nx run … --help" shows the help of Nx.
    const { code, output } = runFromRoot('nx', 'run', target, '--', '--help');
    expect(output).toContain(usage);
    expect(code).toBe(0);
  });

  it('nx run gives on the exit code of a command that fails', () => {
    const { code, output } = runFromRoot('nx', 'run', 'mount:serve', '--config=/nonexistent/config.yaml');
    expect(output).toContain('/nonexistent/config.yaml');
    expect(code).not.toBe(0);
  });
});
