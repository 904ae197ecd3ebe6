/**
 * The test command: `npm test [-- STEP…]`. Runs each step, prints what it does while it does it, and ends with one line that counts.
 */
import { runCommand } from '../command.ts';
import { aptGetLine, installPackages, mayInstall, missingPackages, TEST_PACKAGES } from '../system-packages.ts';
import { checkPackages } from './published-packages.ts';
import { runTests, type TestCounts } from './tests.ts';

interface Step {
  readonly name: string;
  readonly what: string;
  run(): Promise<boolean>;
}

const counts: TestCounts = { passed: 0, failed: 0, skipped: 0 };
const isContinuousIntegration = process.env['CI'] === 'true';

const steps: readonly Step[] = [
  { name: 'system', what: 'Debian packages that tests use', run: checkSystemPackages },
  { name: 'format', what: 'prettier', run: () => runCommand('prettier', ['--check', '--log-level', 'warn', '.']) },
  { name: 'types', what: 'TypeScript, libraries and tests', run: () => runCommand('tsc', ['-b']) },
  { name: 'lint', what: 'ESLint with types and module boundaries', run: lint },
  { name: 'packages', what: 'publint, attw, and an install of every package from its tarball', run: () => checkPackages() },
  { name: 'tests', what: 'unit and end-to-end tests', run: () => runTests(counts, { failOnSkip: isContinuousIntegration }) },
];

/** One after the other; what only reads the source is done at once, and each of it by one processor. */
const PHASES: readonly (readonly string[])[] = [['system'], ['format', 'types', 'lint'], ['packages'], ['tests']];

/** The rule of module boundaries reads Nx's graph of projects from its cache, and passes everything where there is none, as in a new clone. */
async function lint(): Promise<boolean> {
  return (await runCommand('nx', ['show', 'projects'], { quiet: true })) && (await runCommand('eslint', ['.', '--max-warnings', '0']));
}

/** Tests that need a package which can't be installed here skip by name, so this step fails only when an install does. */
async function checkSystemPackages(): Promise<boolean> {
  const all = missingPackages(TEST_PACKAGES);
  const missing = isContinuousIntegration ? all : all.filter(({ bringsService }) => bringsService !== true);
  const leftOut = all.filter((one) => !missing.includes(one));
  if (leftOut.length > 0) process.stdout.write(`      tests that need a service are skipped; to run them: ${aptGetLine(leftOut)}\n`);
  for (const { name, neededBy } of missing) process.stdout.write(`      missing: ${name} (${neededBy})\n`);
  if (missing.length === 0) return true;
  if (mayInstall()) return installPackages(missing);
  process.stdout.write(`      tests that need them are skipped; to run them: ${aptGetLine(missing)}\n`);
  return true;
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  process.stderr.write(`npm test: unknown step ${unknown.join(', ')}; there are ${steps.map((step) => step.name).join(', ')}\n`);
  process.exit(2);
}
const chosen = steps.filter((step) => asked.length === 0 || asked.includes(step.name));

const failed: string[] = [];
let begun = 0;

async function runStep(step: Step): Promise<void> {
  begun += 1;
  process.stdout.write(`\n[${begun}/${chosen.length}] ${step.name}: ${step.what}\n`);
  const started = performance.now();
  const passed = await step.run();
  process.stdout.write(`      ${step.name} ${passed ? 'ok' : 'FAILED'} in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
  if (!passed) failed.push(step.name);
}

for (const phase of PHASES) {
  await Promise.all(chosen.filter(({ name }) => phase.includes(name)).map(runStep));
  // Later steps say nothing useful about source that does not compile.
  if (failed.includes('types')) break;
}

process.stdout.write(failed.length === 0 ? '\nAll steps passed.\n' : `\nFailed: ${failed.join(', ')}\n`);
if (chosen.some((step) => step.name === 'tests')) {
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
}
process.exit(failed.length === 0 ? 0 : 1);
