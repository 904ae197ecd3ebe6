import { Command } from 'commander';
import { run } from '../run.ts';

/** `webdataset cat` */
export function catCommand(): Command {
  return new Command('cat')
    .summary('print the bytes of one field')
    .description('Print the bytes of one field of one sample as they are. With an index beside the shard, only these bytes are read.')
    .argument('<shard>', 'path or URL of one shard')
    .argument('<key>', 'key of the sample, as "webdataset ls" shows it')
    .argument('<field>', 'extension, such as jpg or cls')
    .addHelpText(
      'after',
      `
Examples:
  $ webdataset cat train/shard-000000.tar 00000042 cls
  $ webdataset cat train/shard-000000.tar 00000042 jpg > 42.jpg`,
    )
    .action(async (shard: string, key: string, field: string) => {
      const { readField } = await import('../read-field.ts');
      await run(async ({ signal, output }) => output.bytes(await readField(shard, key, field, signal)));
    });
}
