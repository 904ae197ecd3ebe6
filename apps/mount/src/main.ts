import { Command, CommanderError } from 'commander';
import { serveCommand } from './commands/serve.ts';
import { schemaCommand } from './commands/schema.ts';
import { statsCommand } from './commands/stats.ts';
import { statusCommand } from './commands/status.ts';
import { unmountCommand } from './commands/unmount.ts';
import { warmCommand } from './commands/warm.ts';
import { EXIT, exitCodeOf, explain } from './failure.ts';
import { version } from './version.ts';

// Commands import what they need when they run, so that --help answers at once.
const program = new Command('warpdrive')
  .description('Azure Blob Storage (and local folders) as local files, with a cache on the local disk.')
  .version(version)
  .addCommand(serveCommand())
  .addCommand(warmCommand())
  .addCommand(statsCommand())
  .addCommand(statusCommand())
  .addCommand(unmountCommand())
  .addCommand(schemaCommand(), { hidden: true })
  .addHelpText(
    'after',
    `
Examples:
  $ warpdrive serve --config config.yaml        mount everything and stay in the foreground
  $ warpdrive warm --backend datasets-cac       bring a backend into the cache
  $ warpdrive status                            what is mounted, and whether the backends answer
  $ warpdrive stats --json                      counters of the cache

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.`,
  );

// A reader that goes away (head, a closed terminal) must not end the daemon with its mount still there.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

for (const command of [program, ...program.commands]) command.exitOverride();
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // What it has to say is printed already; it throws for --help and --version too.
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
  } else {
    process.stderr.write(`warpdrive: ${explain(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
