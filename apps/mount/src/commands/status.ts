import { Command } from 'commander';
import type { Status } from '../control/protocol.ts';
import { codeOf, CommandError } from '../failure.ts';
import { formatTable } from '../format.ts';
import { cachePathOption, configOf, configOption, jsonOption, type ConfigOptions } from './options.ts';

/** `warpdrive status` */
export function statusCommand(): Command {
  return new Command('status')
    .summary('what is mounted, and whether the backends answer')
    .description('What is mounted by which process, and the last answer of each backend. Exit code 1 when nothing serves the cache.')
    .addOption(configOption())
    .addOption(cachePathOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  $ warpdrive status
  $ warpdrive status --config config.yaml --json`,
    )
    .action(async (options: ConfigOptions & { readonly json?: true }) => {
      const config = await configOf(options);
      const { ControlClient } = await import('../control/client.ts');
      const status = await new ControlClient(config.cache.path).status().catch(async (error: unknown) => {
        throw codeOf(error) === 'NO_DAEMON' ? await withLeftover(error, config.mount_point) : error;
      });
      process.stdout.write(options.json ? `${JSON.stringify(status)}\n` : describeStatus(status));
    });
}

/** A daemon that was killed leaves its mount behind, which fails every access. */
async function withLeftover(error: unknown, mountPoint: string): Promise<unknown> {
  const { findMount } = await import('../own-mount.ts');
  if ((await findMount(mountPoint)) !== 'own') return error;
  const message = `no warpdrive serves ${mountPoint}, but a mount of one that has died is still there. Clear it with: warpdrive unmount ${mountPoint}`;
  return new CommandError('NO_DAEMON', message, { cause: error });
}

function describeStatus(status: Status): string {
  const { mount } = status;
  return formatTable([
    ['Process', `${status.pid} (${status.role}, version ${status.version}, since ${status.startedAt})`],
    ['Mount point', mount === undefined ? 'nothing is mounted' : mount.point],
    ...(mount === undefined ? [] : ([['Passthrough', mount.passthrough ? 'yes: the kernel reads complete files itself' : 'no']] as const)),
    ['Cache', status.cachePath],
    ['Metrics', status.metricsUrl === undefined ? 'off' : `${status.metricsUrl}/metrics`],
    ...status.backends.map(({ name, type, mountPath, location, lastAnswer }) => {
      const answer = lastAnswer === undefined ? 'not asked yet' : `${lastAnswer.error ?? 'ok'} at ${lastAnswer.at}`;
      return [`Backend ${name}`, `${mountPath} → ${type} ${location}: ${answer}`] as const;
    }),
    ...(mount === undefined || mount.hiddenNames.length === 0 ? [] : ([['Hidden names', describeHidden(mount.hiddenNames)]] as const)),
  ]);
}

/** More would push the rest off the screen; `--json` has all. */
const HIDDEN_SHOWN = 5;

function describeHidden(names: readonly string[]): string {
  const more = names.length > HIDDEN_SHOWN ? `, … (${names.length} in all)` : '';
  return `${names
    .slice(0, HIDDEN_SHOWN)
    .map((name) => JSON.stringify(name))
    .join(', ')}${more}`;
}
