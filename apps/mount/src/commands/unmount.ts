import { Command } from 'commander';
import { absolute, configOf, configOption, jsonOption, type ConfigOptions } from './options.ts';

/** `warpdrive unmount` */
export function unmountCommand(): Command {
  return new Command('unmount')
    .summary('stop the daemon, or clear a mount that is left')
    .description('Stop the daemon and wait until nothing is mounted. Also clears a mount that a killed daemon left behind.')
    .argument('[mount-point]', 'what to unmount; needs no configuration (default: stop the daemon of the configuration)', absolute)
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  $ warpdrive unmount --config config.yaml
  $ warpdrive unmount /wd`,
    )
    .action(async (mountPoint: string | undefined, options: ConfigOptions & { readonly json?: true }) => {
      const { removeMount, stopDaemon } = await import('../unmount.ts');
      const outcome = mountPoint === undefined ? await stopDaemon(await configOf(options)) : await removeMount(mountPoint);
      const stopped = outcome.pid === undefined ? '' : `, process ${outcome.pid} has ended`;
      process.stdout.write(options.json ? `${JSON.stringify(outcome)}\n` : `unmounted ${outcome.mountPoint}${stopped}\n`);
    });
}
