/**
 * `npm run bench -- SUITE`: measures the bars of the product side by side with what its users would otherwise have, writes the suite's
 * part of docs/benchmarks.md, and fails when a bar is missed.
 */
import { Command } from 'commander';
import { runProgram } from '../run-program.ts';
import { LOADER_BENCHMARK_PACKAGES, MOUNT_BENCHMARK_PACKAGES, provideSystemPackages, type SystemPackage } from '../system-packages.ts';
import { measureCacheWarmer } from './cachewarmer/suite.ts';
import { measureInfra } from './infra/suite.ts';
import { describeMachine, type Peer } from './machine.ts';
import { measureMount } from './mount-suite.ts';
import type { Progress } from './reading.ts';
import { writeReport } from './report.ts';
import { format, isMet, type Verdict } from './verdict.ts';
import { measureWebdataset } from './webdataset/suite.ts';

interface Suite {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly packages: readonly SystemPackage[];
  readonly peers: readonly Peer[];
  readonly measure: (progress: Progress) => Promise<Verdict[]>;
}

const SUITES: readonly Suite[] = [
  {
    name: 'main',
    title: 'The mount',
    description: 'reads through the mount against the native file and rclone, training against memory, memory of the daemon',
    packages: MOUNT_BENCHMARK_PACKAGES,
    peers: [
      ['fio', 'fio', '--version'],
      ['rclone', 'rclone', 'version'],
    ],
    measure: measureMount,
  },
  {
    name: 'webdataset',
    title: 'The loader and the trainer',
    description: 'tar against tar-stream, the loader against the bare decoder and Python, training steps against memory, leaks',
    packages: LOADER_BENCHMARK_PACKAGES,
    peers: [
      ['Python', '/usr/bin/python3', '--version'],
      ['Pillow', '/usr/bin/python3', '-c', 'import PIL; print(PIL.__version__)'],
      ['tar-stream', process.execPath, '-p', 'JSON.parse(fs.readFileSync("node_modules/tar-stream/package.json", "utf8")).version'],
    ],
    measure: measureWebdataset,
  },
  {
    name: 'infra',
    title: 'The provisioner',
    description: 'uploads against a plain client, time until the command answers',
    packages: [],
    peers: [],
    measure: measureInfra,
  },
  {
    name: 'cachewarmer',
    title: 'The CacheWarmer',
    description: 'walking and reading against find | xargs cat, what queue and manifest cost, two workers against one',
    packages: [],
    peers: [
      ['cat', 'cat', '--version'],
      ['xargs', 'xargs', '--version'],
    ],
    measure: measureCacheWarmer,
  },
];

const program = new Command('npm run bench --')
  .description('Measures ratios side by side in one run; fails when a bar is missed.')
  .showHelpAfterError();

for (const suite of SUITES) {
  program
    .command(suite.name)
    .description(suite.description)
    .option('--output <file>', 'page to put the report into', 'docs/benchmarks.md')
    .addHelpText('after', `\nExample:\n  $ npm run bench -- ${suite.name}\n`)
    .action(({ output }: { output: string }) => runSuite(suite, output));
}

// Ctrl-C reaches the running child too, whose failure then unwinds everything that is mounted here.
process.on('SIGINT', () => (process.exitCode = 130));

await runProgram(program);

async function runSuite({ name, title, packages, peers, measure }: Suite, output: string): Promise<void> {
  await provideSystemPackages(packages);
  // First, so that what cannot be told is not found out after minutes of measuring.
  const machine = describeMachine(peers);
  const verdicts = await measure(progress);
  await writeReport(output, { suite: name, title, machine, verdicts, date: new Date() });
  progress(`\nReport: ${output}`);
  for (const verdict of verdicts) {
    progress(`${isMet(verdict) ? 'met   ' : 'MISSED'}  ${format(verdict.value, verdict.unit).padStart(8)}  ${verdict.question}`);
  }
  if (!verdicts.every(isMet)) process.exitCode = 1;
}

function progress(line: string): void {
  process.stdout.write(`${line}\n`);
}
