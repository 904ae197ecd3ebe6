import { Command } from 'commander';
import { absolute, cachePathOption, configOf, configOption, duration, jsonOption, type ConfigOptions } from './options.ts';

interface ServeOptions extends ConfigOptions {
  readonly wait: number;
  readonly json?: true;
}

/** `warpdrive serve` */
export function serveCommand(): Command {
  return new Command('serve')
    .summary('mount all backends and serve them in the foreground')
    .description('Mount all backends and serve them in the foreground until stopped: SIGTERM, Ctrl-C, or "warpdrive unmount".')
    .addOption(configOption())
    .option('--mount-point <dir>', 'instead of mount_point of the configuration', absolute)
    .addOption(cachePathOption())
    .option('--metrics-addr <host:port>', 'instead of metrics.addr of the configuration; port 0 takes a free one')
    .option(
      '--wait <duration>',
      'wait this long for another process to give the cache free, such as 10s (default: not at all)',
      duration,
      0,
    )
    .addOption(jsonOption('print the line that says "ready" as JSON'))
    .addHelpText(
      'after',
      `
Prints "ready mount_point=… pid=…" on standard output as soon as reads work. Logs go to standard error.
Fails at once when a backend does not answer, denies access or has no such container.

Examples:
  $ sudo warpdrive serve
  $ warpdrive serve --config config.yaml --mount-point /mnt/data --wait 10s`,
    )
    .action(async (options: ServeOptions) => {
      const config = await configOf(options);
      const { runDaemon } = await import('../daemon.ts');
      // No directory is kept busy by a process that stays for long.
      process.chdir('/');
      await runDaemon({
        config,
        waitMs: options.wait,
        onReady: (notice) => {
          const { mountPoint, pid, metricsUrl } = notice;
          const line = `ready mount_point=${mountPoint} pid=${pid}${metricsUrl === undefined ? '' : ` metrics=${metricsUrl}`}`;
          process.stdout.write(`${options.json ? JSON.stringify({ event: 'ready', ...notice }) : line}\n`);
        },
      });
    });
}
