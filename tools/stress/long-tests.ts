import { Command } from 'commander';
import { runCommand } from '../command.ts';

/** A suite that is the long form of one of the tests, under the variable that they look at. */
function longTests(name: string, description: string, file: string): Command {
  return new Command(name).description(description).action(async () => {
    const env = { ...process.env, WARPFORGE_LONG_TESTS: '1' };
    if (!(await runCommand('vitest', ['run', '--project', 'tools', file], { env }))) process.exitCode = 1;
  });
}

/** `npm run stress -- stopping` */
export const stopping = longTests(
  'stopping',
  'interrupts the demo in every step, and kills every part of it: nothing may be left behind',
  'test/demo/stopping.test.ts',
);

/** `npm run stress -- fleet` */
export const fleet = longTests(
  'fleet',
  'warms 50,000 files and some of 5 GB with workers that are killed, paused and evicted: no byte may be missed, and few are read twice',
  'test/cachewarmer/fleet.test.ts',
);

/** `npm run stress -- guide` */
export const guide = longTests(
  'guide',
  'follows the deployment guide from top to bottom with the programs of this clone',
  'test/deploy-guide/deploy-guide.test.ts',
);
