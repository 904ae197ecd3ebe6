import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { setUpCommands } from '../../src/machine/set-up-commands.ts';
import { shellSession } from '../../src/machine/shell-session.ts';
import { SshMachine } from '../../src/machine/ssh-machine.ts';
import { vmFiles } from '../../src/machine/vm-files.ts';
import { checkScript, NODE_VERSION, nvmeScript, setupScript } from '../../src/machine/vm-setup.ts';
import { itWith } from './fixtures/availability.ts';

const setup = { mountPoint: '/wd', cachePath: '/mnt/nvme/warpdrive-cache', version: '0.1.0' };

function shellcheck(script: string): string {
  // Not a login shell's text: it says by itself that it is for sh.
  return spawnSync('shellcheck', ['--shell=sh', '--severity=style', '-'], { input: script, encoding: 'utf8' }).stdout;
}

describe('the scripts of a VM', () => {
  itWith(['shellcheck'], 'give shellcheck nothing to say', () => {
    const commands = vmFiles(nvmeScript(setup.cachePath), '/mnt/nvme').filter(({ content }) => content.startsWith('#!/bin/sh'));
    expect(commands).toHaveLength(5);
    const scripts = [
      setupScript(setup),
      setupScript(setup, { folder: '/tmp/packages', release: 'packages-1' }),
      checkScript(setup),
      ...commands.map(({ content }) => content),
      shellSession('echo', true).command.at(-1) ?? '',
      ...setUpCommands(new SshMachine({ host: 'vm', user: 'me', knownHostsFile: 'known_hosts' }), setup).map(({ script }) => script ?? ''),
    ];
    for (const script of scripts) expect(shellcheck(script)).toBe('');
  });

  itWith(['shellcheck'], 'would not pass unseen with a fault', () => {
    expect(shellcheck('#!/bin/sh\nrm -rf $folder\n')).toContain('SC2086');
  });

  it('have at most one exclusion of a rule, with its reason', () => {
    const exclusions = setupScript(setup).match(/shellcheck disable=.*/g);
    expect(exclusions).toEqual([expect.stringMatching(/disable=SC2086 # The list/)]);
  });

  it('are text of the shell whatever the paths are', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('/', 'a', '.', '-', '$', "'", '`', '"', '\\', '\n', ' ', ';') })),
        (path) => {
          let script;
          try {
            script = checkScript({ ...setup, mountPoint: path });
          } catch {
            return;
          }
          expect(script).toContain(`MOUNT_POINT='${path}'\n`);
          expect(path).toMatch(/^\/[A-Za-z0-9._/-]+$/);
        },
      ),
    );
    expect(() => setupScript({ ...setup, mountPoint: "/wd'; reboot '" })).toThrow(/the mount point of a VM must be an absolute path/);
    expect(() => setupScript({ ...setup, cachePath: '/mnt/../etc' })).toThrow(/the cache of a VM/);
    expect(() => setupScript(setup, { folder: 'packages', release: 'x' })).toThrow(/the folder of the packages/);
  });

  it('install the Node that this repository is tested with', () => {
    const manifest = readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8');
    expect((JSON.parse(manifest) as { devDependencies: { node: string } }).devDependencies.node).toBe(NODE_VERSION);
  });

  it('are part of the package, which reads them from src', () => {
    const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    expect((JSON.parse(manifest) as { files: string[] }).files).toContain('src');
  });
});
