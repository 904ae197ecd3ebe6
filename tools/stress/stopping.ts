import { Command } from 'commander';
import { runCommand } from '../command.ts';

/** `npm run stress -- stopping` */
export const stopping = new Command('stopping')
  .description('interrupts the demo in every step, and kills every part of it: nothing may be left behind')
  .action(async () => {
    const env = { ...process.env, WARPFORGE_LONG_TESTS: '1' };
    if (!(await runCommand('vitest', ['run', '--project', 'tools', 'test/demo/stopping.test.ts'], { env }))) process.exitCode = 1;
  });
