import { whyNoLocalVm } from '@warpforge/azure-infra/testing';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { azFault } from '../../deploy-guide/az-commands.ts';
import { commandsOf } from '../../deploy-guide/commands.ts';
import { followGuide } from '../../deploy-guide/follow-guide.ts';
import { brokenPromises } from '../../deploy-guide/guide-promises.ts';
import { inlineCode } from '../../deploy-guide/markdown.ts';
import { ProgramFlags } from '../../deploy-guide/program-flags.ts';
import { assignedRoles, roleFaults } from '../../deploy-guide/role-names.ts';

const ROOT = join(import.meta.dirname, '../../..');
const DOCUMENT = join(ROOT, 'docs/deploy-azure.md');
const PROGRAMS = ['warpforge-infra', 'warpdrive', 'warpforge-train', 'webdataset'];
/** Half a minute on an idle machine; the limit only catches a hang. */
const FOLLOW_LIMIT_MS = 600_000;

const guide = readFileSync(DOCUMENT, 'utf8');
const environment = { ...process.env, PATH: [join(ROOT, 'node_modules/.bin'), process.env['PATH'] ?? ''].join(delimiter) };

/** The document with a change, which must be one. */
function broken(from: string, to: string): string {
  expect(guide).toContain(from);
  return guide.replace(from, to);
}

const lineOf = (text: string): number => guide.slice(0, guide.indexOf(text)).split('\n').length;

// The step `packages` of `npm test` follows it with the programs of the tarballs; this is the same with those of the clone, in
// `npm run stress -- guide`.
if (process.env['WARPFORGE_LONG_TESTS'] !== undefined) {
  describe('the deployment guide', () => {
    const reason = whyNoLocalVm();
    const follow = reason === undefined ? it : it.skip;
    follow(
      `can be followed from top to bottom${reason === undefined ? '' : ` (skipped: ${reason})`}`,
      async () => {
        const followed = await followGuide({ document: DOCUMENT, programs: ROOT, clone: ROOT });
        expect(brokenPromises(followed), followed.output).toEqual([]);
      },
      FOLLOW_LIMIT_MS,
    );
  });
}

describe('what the deployment guide says', () => {
  const flags = new ProgramFlags(environment);
  const programFaults = (text: string): string[] =>
    commandsOf(text, PROGRAMS).flatMap((command) => {
      const fault = flags.fault(command);
      return fault === undefined ? [] : [`${command.line}: ${fault}`];
    });
  const azFaults = (text: string): string[] =>
    commandsOf(text, ['az']).flatMap((command) => {
      const fault = azFault(command);
      return fault === undefined ? [] : [`${command.line}: ${fault}`];
    });

  it('names commands and flags of the programs that exist', () => {
    expect(programFaults(guide)).toEqual([]);
    expect(commandsOf(guide, PROGRAMS).length).toBeGreaterThan(25);
    expect(programFaults(broken('$ watch sudo warpdrive stats', '$ watch sudo warpdrive states'))).toEqual([
      `${lineOf('$ watch sudo warpdrive stats')}: warpdrive states: there is no such command`,
    ]);
    expect(programFaults(broken('setup --dry-run', 'setup --dry'))).toEqual([
      `${lineOf('warpforge-infra setup --dry-run')}: warpforge-infra setup: takes no --dry`,
    ]);
    expect(programFaults(broken('`warpforge-infra dataset --folder DIR`', '`warpforge-infra dataset --dir DIR`'))).toEqual([
      `${lineOf('`warpforge-infra dataset --folder DIR`')}: warpforge-infra dataset: takes no --dir`,
    ]);
  });

  it('names flags alone that some command has', () => {
    const help = PROGRAMS.slice(0, 1).flatMap((program) =>
      ['plan', 'provision', 'dataset', 'setup', 'config', 'run', 'status', 'teardown'].map(
        (command) => spawnSync(program, [command, '--help'], { encoding: 'utf8', env: environment }).stdout,
      ),
    );
    for (const { text } of inlineCode(guide).filter(({ text: code }) => /^--[a-z-]+$/.test(code))) {
      expect(
        help.some((page) => page.includes(`${text} `) || page.includes(`${text}\n`)),
        text,
      ).toBe(true);
    }
  });

  it('names commands of the Azure CLI with all that they need and nothing that they do not know', () => {
    expect(azFaults(guide)).toEqual([]);
    expect(commandsOf(guide, ['az']).length).toBeGreaterThan(7);
    const where = lineOf('az storage blob list --account-name');
    expect(azFaults(broken('az storage blob list', 'az storage blobs list'))).toEqual([
      `${where}: az storage blobs list: not one of the commands that are known here`,
    ]);
    expect(azFaults(broken('--container-name coco2017-wds --prefix', '--prefix'))).toEqual([
      `${where}: az storage blob list: needs --container-name or -c`,
    ]);
    expect(azFaults(broken('--auth-mode login', '--auth login'))).toEqual([`${where}: az storage blob list: takes no --auth`]);
    expect(azFaults(broken('--prefix train/', '--prefix'))).toEqual([`${where}: az storage blob list: --prefix needs a value`]);
    expect(azFaults(broken('az account show --query', 'az account shows --query'))).toHaveLength(1);
  });

  it('names roles that Azure has, and that the template assigns to whom the guide says', () => {
    const plan = spawnSync('warpforge-infra', ['plan', '--offline', '--json'], { encoding: 'utf8', env: environment });
    const assigned = assignedRoles((JSON.parse(plan.stdout) as { template: unknown }).template);
    const faults = (text: string): string[] => roleFaults(text, assigned);
    expect(faults(guide)).toEqual([]);
    const machine = lineOf('| role of the VM ');
    expect(faults(broken('| Storage Blob Data Reader ', '| Storage Blob Data Contributor '))).toEqual([
      `${machine}: the VM does not get the role Storage Blob Data Contributor`,
    ]);
    expect(faults(broken('| Storage Blob Data Reader ', '| Storage Blobs Data Reader '))).toEqual([
      `${machine}: the template assigns no role Storage Blobs Data Reader`,
      `${machine}: the VM does not get the role Storage Blobs Data Reader`,
    ]);
    expect(faults(broken('`Role Based Access Control Administrator`', '`Role Based Access Administrator`'))).toEqual([
      `${lineOf('`Role Based Access Control Administrator`')}: there is no role Role Based Access Administrator`,
    ]);
  });
});
