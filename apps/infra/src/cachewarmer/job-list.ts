import type { WarmJob } from '@warpforge/cache-warmer';
import { CommandError } from '../failure.ts';

/** A value that should be a job, and how a person finds it in the file. */
interface JobValue {
  /** `job 2`, or `/animation: /scene1`. */
  readonly place: string;
  readonly value: unknown;
}

/**
 * Reads many jobs from YAML, which JSON is too: a list of jobs, or one with `WarmTargets`, a map from an export to its paths, instead of
 * `WarmTargetExportPath` and `WarmTargetPath`; in a list such ones may stand, too. Rejects with every fault of every job.
 */
export async function parseJobList(text: string, name: string): Promise<WarmJob[]> {
  const { formatWarmJob, parseWarmJob, parseWarmJobValue, WarmJobError } = await import('@warpforge/cache-warmer');
  const faults: string[] = [];
  const jobs: WarmJob[] = [];
  const values = jobValues(await parseYaml(text, name), faults);
  for (const { place, value } of values) {
    try {
      // As its message says it, which has a limit.
      jobs.push(parseWarmJob(formatWarmJob(parseWarmJobValue(value))));
    } catch (error) {
      if (!(error instanceof WarmJobError)) throw error;
      const own = error.faults.length === 0 ? [{ path: '', message: error.message }] : error.faults;
      faults.push(...own.map(({ path, message }) => `${place}: ${path === '' ? '' : `${path}: `}${message}`));
    }
  }
  if (faults.length > 0)
    throw new CommandError('USAGE', `${name} is not valid, and nothing was sent:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  if (jobs.length === 0) throw new CommandError('USAGE', `${name} has no jobs`);
  return jobs;
}

async function parseYaml(text: string, name: string): Promise<unknown> {
  const { parse } = await import('yaml');
  try {
    return parse(text);
  } catch (cause) {
    throw new CommandError('USAGE', `${name} is neither JSON nor YAML: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

function jobValues(root: unknown, faults: string[]): JobValue[] {
  if (!Array.isArray(root)) return expand({ place: 'the job', value: root }, faults);
  return root.flatMap((value: unknown, index) => expand({ place: `job ${index + 1}`, value }, faults));
}

/** Makes a job of each path of `WarmTargets`. */
function expand({ place, value }: JobValue, faults: string[]): JobValue[] {
  if (!isRecord(value) || !('WarmTargets' in value)) return [{ place, value }];
  const { WarmTargets: targets, ...shared } = value;
  const fault = (message: string): JobValue[] => {
    faults.push(`${place}: ${message}`);
    return [];
  };
  if (!isRecord(targets)) return fault('WarmTargets: must be a map from exports to lists of paths');
  const other = ['WarmTargetExportPath', 'WarmTargetPath'].find((key) => key in shared);
  if (other !== undefined) return fault(`${other}: must not stand beside WarmTargets, which says it`);
  return Object.entries(targets).flatMap(([exportPath, paths]) => {
    if (!Array.isArray(paths)) return fault(`WarmTargets.${exportPath}: must be a list of paths, such as [/scene1]`);
    return paths.map((path: unknown) => ({
      place: `${exportPath}: ${String(path)}`,
      value: { ...shared, WarmTargetExportPath: exportPath, WarmTargetPath: path },
    }));
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
