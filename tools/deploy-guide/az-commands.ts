import type { Command } from './commands.ts';

/** What a command of the Azure CLI takes. */
interface AzCommand {
  /** Flags of which each group needs one. */
  readonly required: readonly (readonly string[])[];
  readonly optional: readonly string[];
  /** Flags without a value, of those. */
  readonly switches?: readonly string[];
}

/** Those of every command: https://learn.microsoft.com/cli/azure/use-azure-cli-successfully-tips */
const GLOBAL = ['--output', '-o', '--query', '--subscription'];

/** Source: https://learn.microsoft.com/cli/azure/reference-index, one page a group. */
const COMMANDS: Readonly<Record<string, AzCommand>> = {
  login: {
    required: [],
    optional: ['--tenant', '-t', '--scope', '--username', '-u', '--password', '-p', '--client-id', '--object-id', '--resource-id'],
    switches: ['--use-device-code', '--allow-no-subscriptions', '--identity', '--service-principal'],
  },
  'account show': { required: [], optional: ['--name', '-n', '-s'] },
  'storage blob list': {
    required: [
      ['--container-name', '-c'],
      ['--account-name', '--blob-endpoint', '--connection-string'],
    ],
    optional: [
      '--prefix',
      '--auth-mode',
      '--account-key',
      '--sas-token',
      '--delimiter',
      '--include',
      '--marker',
      '--num-results',
      '--timeout',
    ],
    switches: ['--show-next-marker'],
  },
  'vm deallocate': {
    required: [
      ['--resource-group', '-g', '--ids'],
      ['--name', '-n', '--ids'],
    ],
    optional: [],
    switches: ['--no-wait', '--hibernate'],
  },
  'role assignment list': {
    required: [],
    optional: ['--assignee', '--role', '--scope', '--resource-group', '-g', '--fill-principal-name', '--fill-role-definition-name'],
    switches: ['--all', '--include-inherited', '--include-groups'],
  },
};

/** What is wrong with a command of the Azure CLI, as far as can be said without running it; undefined when nothing is. */
export function azFault({ words: [, ...words] }: Command): string | undefined {
  const end = words.findIndex((word) => word.startsWith('-'));
  const name = words.slice(0, end < 0 ? undefined : end).join(' ');
  const known = COMMANDS[name];
  if (known === undefined) return `az ${name}: not one of the commands that are known here`;
  const { required, optional, switches = [] } = known;
  const given = new Set<string>();
  for (let index = end < 0 ? words.length : end; index < words.length; index++) {
    const flag = words[index] ?? '';
    given.add(flag);
    if (switches.includes(flag)) continue;
    if (![...required.flat(), ...optional, ...GLOBAL].includes(flag)) return `az ${name}: takes no ${flag}`;
    index++;
    if (words[index] === undefined || words[index]?.startsWith('--') === true) return `az ${name}: ${flag} needs a value`;
  }
  const missing = required.find((choices) => !choices.some((flag) => given.has(flag)));
  return missing === undefined ? undefined : `az ${name}: needs ${missing.join(' or ')}`;
}
