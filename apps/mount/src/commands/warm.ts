import { Command } from 'commander';
import { CommandError } from '../failure.ts';
import { describeFailures, describeOutcome, WarmReport } from '../warm/warm-report.ts';
import { cachePathOption, configOf, configOption, jsonOption, positiveInteger, type ConfigOptions } from './options.ts';

interface WarmOptions extends ConfigOptions {
  readonly backend?: string;
  readonly prefix: string;
  readonly parallel?: number;
  readonly json?: true;
}

/** `warpdrive warm` */
export function warmCommand(): Command {
  return new Command('warm')
    .summary('bring blobs into the cache')
    .description('Bring blobs into the cache and check that they are complete there. Works beside a running "serve", and without one.')
    .addOption(configOption())
    .addOption(cachePathOption())
    .option('-b, --backend <name>', 'only this backend (default: all, one after the other)')
    .option('-p, --prefix <prefix>', 'only blobs whose path in the backend starts with this, such as train/', '')
    .option('--parallel <n>', 'files at once', positiveInteger)
    .addOption(jsonOption('print the outcome as one JSON object'))
    .addHelpText(
      'after',
      `
Exit code 1 when a listed file is not complete in the cache afterwards, or when nothing matches the prefix.

Examples:
  $ warpdrive warm
  $ warpdrive warm --backend datasets-cac --prefix train/`,
    )
    .action(async (options: WarmOptions) => {
      const config = await configOf(options);
      const names = config.backends.map(({ name }) => name);
      if (options.backend !== undefined && !names.includes(options.backend)) {
        throw new CommandError('USAGE', `there is no backend "${options.backend}" in ${options.config}; there are ${names.join(', ')}`);
      }
      const { interruptible } = await import('../interrupt.ts');
      const { progressView } = await import('../warm/progress.ts');
      const { warmThroughOwner } = await import('../warm/warm-through-owner.ts');
      const prefix = options.prefix.replace(/^\/+/, '');
      const report = new WarmReport(await progressView(process.stderr));
      try {
        const request = { backend: options.backend, prefix, parallel: options.parallel };
        await interruptible((signal) => warmThroughOwner(config, request, (event) => report.take(event), signal));
      } finally {
        report.close();
      }
      const { outcome } = report;
      if (options.json) process.stdout.write(`${JSON.stringify(outcome)}\n`);
      else process.stdout.write(describeOutcome(outcome));
      if (outcome.files === 0 && prefix !== '') {
        throw new CommandError('INCOMPLETE', `nothing in ${options.backend ?? 'any backend'} begins with "${prefix}"`);
      }
      if (outcome.failed.length > 0) throw new CommandError('INCOMPLETE', describeFailures(outcome));
    });
}
