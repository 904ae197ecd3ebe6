import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../command.ts';
import { aptGetLine, TEST_PACKAGES } from '../system-packages.ts';

/** Filled while tests run, also when some fail. */
export interface TestCounts {
  passed: number;
  failed: number;
  skipped: number;
}

interface Assertion {
  readonly status: string;
  readonly fullName: string;
}

interface Report {
  readonly testResults: readonly { readonly name: string; readonly status: string; readonly assertionResults: readonly Assertion[] }[];
}

/**
 * Runs every project's tests. A skipped test is named at the end with the command that gives it what it misses, and is a failure when
 * `failOnSkip`: a machine that is there to test everything must not pass by testing less, unless its kernel cannot do more.
 */
export async function runTests(counts: TestCounts, { failOnSkip }: { readonly failOnSkip: boolean }): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'warpforge-check-'));
  try {
    const reportFile = join(folder, 'report.json');
    const succeeded = await runCommand('vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]);
    const report = JSON.parse(await readFile(reportFile, 'utf8')) as Report;
    const skipped: string[] = [];
    for (const { name, status, assertionResults } of report.testResults) {
      for (const assertion of assertionResults) {
        if (assertion.status === 'passed') counts.passed++;
        else if (assertion.status === 'failed') counts.failed++;
        else skipped.push(assertion.fullName);
      }
      // A file that fails before its first test has no assertion to count.
      if (status === 'failed' && assertionResults.length === 0) {
        counts.failed++;
        process.stdout.write(`      ${name} failed to run\n`);
      }
    }
    counts.skipped = skipped.length;
    if (skipped.length > 0) {
      process.stdout.write(`\n      Skipped:\n${skipped.map((name) => `        ${name}\n`).join('')}`);
      process.stdout.write(`      What they need beyond root and /dev/fuse: ${aptGetLine(TEST_PACKAGES)}\n`);
    }
    return succeeded && counts.failed === 0 && !(failOnSkip && skipped.some(isMendable));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Packages can be installed; what the kernel lacks cannot. */
function isMendable(name: string): boolean {
  return !name.includes('(skipped: this kernel ');
}
