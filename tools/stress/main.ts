/** `npm run stress -- <suite>`: what takes too long for the tests: it must hold, not be fast. Fails when something does not hold. */
import { Command } from 'commander';
import { runProgram } from '../run-program.ts';
import { provideSystemPackages, STRESS_PACKAGES } from '../system-packages.ts';
import { accuracy } from './accuracy.ts';
import { leak } from './leak.ts';
import { fleet, guide, stopping } from './long-tests.ts';
import { tar } from './tar.ts';

const program = new Command('npm run stress --')
  .description('Long tests of what must never fail; fails when it does.')
  .showHelpAfterError()
  .addCommand(accuracy)
  .addCommand(fleet)
  .addCommand(guide)
  .addCommand(leak)
  .addCommand(stopping)
  .addCommand(tar)
  .hook('preAction', () => provideSystemPackages(STRESS_PACKAGES));

await runProgram(program);
