import { EXIT } from '../failure.ts';
import { formatCount } from '../format.ts';
import { startProgress } from '../progress.ts';
import type { CommandContext } from '../run.ts';
import { totalBytesOf } from '../shards.ts';
import { type Fault, formatFault } from './fault.ts';
import { FieldChecker } from './field-checker.ts';
import { Validator } from './validator.ts';

/** How to validate. */
export interface ValidateOptions {
  /** Threads that decode images; 0 leaves images alone. */
  readonly imageThreads: number;
  /** Fields that every sample must have; undefined finds out what most have. */
  readonly fields: readonly string[] | undefined;
  readonly json: boolean;
}

/** Prints a line for each fault on standard output, and what it comes to on standard error. Sets the exit code. */
export async function validate(shards: readonly string[], options: ValidateOptions, { signal, output }: CommandContext): Promise<void> {
  await using checker = await FieldChecker.create(options.imageThreads);
  const validator = new Validator(shards, checker, options.fields);
  const totalBytes = await totalBytesOf(shards);
  const faulty = new Set<string>();
  const counts = { error: 0, warning: 0 };
  let samples = 0;
  let bytes = 0;
  using progress = await startProgress('validating', 'shards');
  const report = async (fault: Fault): Promise<void> => {
    counts[fault.severity] += 1;
    if (fault.severity === 'error') {
      faulty.add(fault.shard);
      // Now, as the reader of the output may go away.
      process.exitCode = EXIT.failed;
    }
    progress.hide();
    await output.line(options.json ? JSON.stringify(fault) : formatFault(fault));
  };
  for (const number of shards.keys()) {
    let shard = { samples: 0, bytes: 0 };
    const faults = validator.validateShard(number, signal, (so) => {
      shard = so;
      progress.update({ done: number, total: shards.length, bytes: bytes + so.bytes, totalBytes });
    });
    for await (const fault of faults) await report(fault);
    await output.flush();
    samples += shard.samples;
    bytes += shard.bytes;
  }
  for (const fault of validator.finish()) await report(fault);
  await output.flush();
  progress.hide();
  const seen = `${formatCount(shards.length, 'shard')}, ${formatCount(samples, 'sample')}`;
  const warnings = counts.warning === 0 ? '' : `, ${formatCount(counts.warning, 'warning')}`;
  const found = counts.error === 0 ? 'no fault' : `${formatCount(counts.error, 'fault')} in ${formatCount(faulty.size, 'shard')}`;
  process.stderr.write(`${seen}: ${found}${warnings}\n`);
}
