import { Command } from 'commander';
import { jsonOption, specArgument } from '../options.ts';
import { run } from '../run.ts';

/** `webdataset ls` */
export function lsCommand(): Command {
  return new Command('ls')
    .summary('list samples, one a line')
    .description('List the samples of shards in the order of the archives: key, shard, and each field with its size in bytes.')
    .addArgument(specArgument())
    .addOption(jsonOption('one JSON object a line: {"key":…,"shard":…,"fields":{"NAME":BYTES,…}}'))
    .addHelpText(
      'after',
      `
A line has three columns with a tab between them: KEY, SHARD, and FIELD=BYTES
for each field. Names with blanks, quotes or control characters are shown as
JSON strings. With an index beside the shard only that is read. A shard at fault
is reported, the others are still listed, and the exit code is 1.

Examples:
  $ webdataset ls train/
  $ webdataset ls 'train/shard-{000000..000009}.tar' | cut -f 1
  $ webdataset ls https://example.org/data/shard-000000.tar --json | jq .fields.jpg`,
    )
    .action(async (specs: readonly string[], options: { readonly json?: true }) => {
      const { forEachShard, listSamples, shardsOf } = await import('../shards.ts');
      const { word } = await import('../format.ts');
      await run(async ({ signal, output, complain }) => {
        await forEachShard(await shardsOf(specs), { signal, complain }, async (shard) => {
          let first: Error | undefined;
          try {
            for await (const { key, sizes, fault } of listSamples(shard, signal)) {
              if (options.json) await output.line(JSON.stringify({ key, shard, fields: Object.fromEntries(sizes) }));
              else
                await output.line([word(key), word(shard), [...sizes].map(([name, size]) => `${word(name)}=${size}`).join(' ')].join('\t'));
              first ??= fault;
            }
          } finally {
            await output.flush();
          }
          if (first !== undefined) throw first;
        });
      });
    });
}
