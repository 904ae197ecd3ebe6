import { matcher } from './file-pattern.ts';
import type { WarmJob } from './warm-job.ts';

/** What leaves a file out. */
export type FilterName = 'inclusion' | 'exclusion' | 'size';

/** Says what leaves a file out; undefined: it is warmed. `path` is below the target. */
export type FileFilter = (path: string, size: number) => FilterName | undefined;

/**
 * The filter of a job, which is asked for every file, however few there are in its folder. Exclusions alone leave in what they don't name.
 */
export function fileFilter({ inclusionList, exclusionList, maxFileSizeBytes }: WarmJob): FileFilter {
  const included = inclusionList.map(matcher);
  const excluded = exclusionList.map(matcher);
  return (path, size) => {
    if (included.length > 0 && !included.some((matches) => matches(path))) return 'inclusion';
    if (excluded.some((matches) => matches(path))) return 'exclusion';
    return maxFileSizeBytes > 0 && size > maxFileSizeBytes ? 'size' : undefined;
  };
}
