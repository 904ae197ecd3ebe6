import { Command } from 'commander';
import type { Stats } from '../control/protocol.ts';
import { formatBytes, formatTable } from '../format.ts';
import { cachePathOption, configOf, configOption, jsonOption, type ConfigOptions } from './options.ts';

/** `warpdrive stats` */
export function statsCommand(): Command {
  return new Command('stats')
    .summary('counters of the cache and the backends')
    .description('Counters of the cache and of the backends since the daemon started.')
    .addOption(configOption())
    .addOption(cachePathOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  $ warpdrive stats
  $ warpdrive stats --json | jq .cache.hits`,
    )
    .action(async (options: ConfigOptions & { readonly json?: true }) => {
      const config = await configOf(options);
      const { ControlClient } = await import('../control/client.ts');
      const stats = await new ControlClient(config.cache.path).stats();
      process.stdout.write(options.json ? `${JSON.stringify(stats)}\n` : describeStats(stats));
    });
}

function describeStats({ cache, passthrough, backends }: Stats): string {
  const chunks = cache.hits + cache.misses;
  const share = (part: number, whole: number): string => (whole === 0 ? '' : ` (${((100 * part) / whole).toFixed(1)} %)`);
  return formatTable([
    ['Cache on disk', `${formatBytes(cache.sizeBytes)} of ${formatBytes(cache.maxSizeBytes)}${share(cache.sizeBytes, cache.maxSizeBytes)}`],
    ['Files', `${cache.files}, ${cache.completeFiles} complete`],
    ['Evictions', String(cache.evictions)],
    ['Corruptions repaired', String(cache.corruptions)],
    // Two lines and never one ratio over both: the daemon does not see what the kernel reads by itself.
    ['Reads through the daemon', `${cache.hits} chunk hits, ${cache.misses} misses${share(cache.hits, chunks)}`],
    ['Reads by the kernel itself', `${passthrough.opens} opens of complete files, ${formatBytes(passthrough.openedBytes)} in size`],
    ['Served from disk', formatBytes(cache.servedDiskBytes)],
    ['Served from network', formatBytes(cache.servedNetworkBytes)],
    ['Readahead', `${cache.readaheadHits} used, ${cache.readaheadWasted} wasted`],
    ...Object.entries(backends).map(
      ([name, { requests, errors, bytesRead }]) =>
        [`Backend ${name}`, `${requests} requests, ${errors} errors, ${formatBytes(bytesRead)} read`] as const,
    ),
  ]);
}
