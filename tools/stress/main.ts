/** `npm run stress -- <suite>`: what takes too long for the tests: it must hold, not be fast. Fails when something does not hold. */
import { Command } from 'commander';
import { accuracy } from './accuracy.ts';
import { leak } from './leak.ts';
import { tar } from './tar.ts';

await new Command('npm run stress --')
  .description('Long tests of what must never fail; fails when it does.')
  .showHelpAfterError()
  .addCommand(accuracy)
  .addCommand(leak)
  .addCommand(tar)
  .parseAsync();
