/**
 * `npm run bench -- main`: measures the bars of the product side by side with what its users would otherwise have, writes
 * docs/benchmarks.md, and fails when a bar is missed.
 */
import { Command } from 'commander';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aptGetLine, BENCHMARK_PACKAGES, installPackages, mayInstall, missingPackages } from '../system-packages.ts';
import { mountRclone, mountWarpdrive } from './mounts.ts';
import { compareWithNative, compareWithPeer, FILE_NAME, writeOrigin } from './reading.ts';
import { isMet, writeReport, type Verdict } from './report.ts';
import { compareTraining } from './training.ts';

/** Peak resident memory of the daemon over filling its cache and serving it. */
const MEMORY_BAR_MIB = 400;

const program = new Command('npm run bench --')
  .description('Measures ratios side by side in one run; fails when a bar is missed.')
  .showHelpAfterError();

program
  .command('main')
  .description('reads through the mount against the native file and rclone, training against memory, memory of the daemon')
  .option('--output <file>', 'where to write the report', 'docs/benchmarks.md')
  .addHelpText('after', '\nExample:\n  $ npm run bench -- main\n')
  .action(async ({ output }: { output: string }) => {
    await provideSystemPackages();
    const verdicts = await measureAll();
    await writeReport(output, 'npm run bench -- main', verdicts, new Date());
    progress(`\nReport: ${output}`);
    for (const verdict of verdicts) progress(`${isMet(verdict) ? 'met   ' : 'MISSED'}  ${verdict.value.toFixed(2)}  ${verdict.question}`);
    if (!verdicts.every(isMet)) process.exitCode = 1;
  });

// Ctrl-C reaches the running child too, whose failure then unwinds everything that is mounted here.
process.on('SIGINT', () => (process.exitCode = 130));

await program.parseAsync();

async function measureAll(): Promise<Verdict[]> {
  const folder = await mkdtemp(join(tmpdir(), 'warpforge-bench-'));
  try {
    const origin = join(folder, 'origin');
    await mkdir(origin);
    progress('Writing the file to read');
    await writeOrigin(origin);
    return [...(await measureReading(origin, folder)), await compareTraining(join(folder, 'training'), progress)];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureReading(origin: string, folder: string): Promise<Verdict[]> {
  progress('Mounting: warpdrive with passthrough, warpdrive without, rclone');
  await using passing = await mountWarpdrive(origin, join(folder, 'passthrough'), 'auto');
  await using serving = await mountWarpdrive(origin, join(folder, 'daemon'), 'off');
  await using peer = await mountRclone(origin, join(folder, 'rclone'), FILE_NAME);
  const verdicts = [...(await compareWithNative(origin, passing, progress)), ...(await compareWithPeer(serving, peer, progress))];
  verdicts.push({
    question: 'Peak resident memory of the daemon, after filling its cache and serving all reads above',
    value: (await serving.peakMemory()) / 1024 ** 2,
    bar: MEMORY_BAR_MIB,
    sense: 'at-most',
    unit: 'MiB',
    series: [],
    seriesUnit: 'MiB',
    commands: ['grep VmHWM /proc/<pid of warpdrive serve>/status'],
  });
  return verdicts;
}

async function provideSystemPackages(): Promise<void> {
  const missing = missingPackages(BENCHMARK_PACKAGES);
  if (missing.length === 0) return;
  if (mayInstall() && (await installPackages(missing))) return;
  program.error(`needs ${missing.map(({ name }) => name).join(', ')}: ${aptGetLine(missing)}`, { exitCode: 1 });
}

function progress(line: string): void {
  process.stdout.write(`${line}\n`);
}
