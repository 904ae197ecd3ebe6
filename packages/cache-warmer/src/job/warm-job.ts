import { z } from 'zod';
import { WarmJobError, type WarmJobFault } from './errors.ts';

/** One request to warm a path of an exported file system, as it travels on the job queue. */
export interface WarmJob {
  /** Hosts or addresses that serve the export; the reads are spread over them. At least one. */
  readonly mountAddresses: readonly string[];
  /** Absolute path of the export on every one of these hosts. */
  readonly exportPath: string;
  /** Absolute path below the export of what is to be warmed; `/` is the whole export. */
  readonly targetPath: string;
  /** Glob patterns of the file names to warm; empty: all files. */
  readonly inclusionList: readonly string[];
  /** Glob patterns of the file names to leave out, after the inclusion; empty: none. */
  readonly exclusionList: readonly string[];
  /** Files larger than this many bytes are left out; 0: no limit. */
  readonly maxFileSizeBytes: number;
}

/** A message on an Azure Storage queue holds at most this much text, so a longer one was never a job. */
const MAX_MESSAGE_BYTES = 64 * 1024;

/** Letters, digits, dots and dashes of a DNS name or an IPv4 address, or the colons and hex digits of an IPv6 address. */
const ADDRESS = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|[0-9a-f]*:[0-9a-f:.]+)$/i;

const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/;

const absolutePath = z
  .string()
  .startsWith('/', 'must be an absolute path, such as /animation')
  .refine((path) => !path.includes('\0'), 'must not contain a NUL character')
  .refine((path) => !path.split('/').includes('..'), 'must not contain ".." as a part');

const pattern = z.string().min(1, 'must not be an empty pattern');

/** The field names of the JSON are those of the CacheWarmer for Avere vFXT, so that existing job submitters keep working. */
const warmJobSchema = z.strictObject({
  WarmTargetMountAddresses: z
    .array(z.string().regex(ADDRESS, 'must be a host name or an IP address'))
    .min(1, 'must name at least one address'),
  WarmTargetExportPath: absolutePath,
  WarmTargetPath: absolutePath,
  InclusionList: z.array(pattern).optional(),
  ExclusionList: z.array(pattern).optional(),
  MaxFileSizeBytes: z.int('must be a whole number of bytes').nonnegative('must not be negative (0 = no limit)').optional(),
});

/**
 * Reads a warm job from the text of a queue message: the JSON itself, or the JSON as base64, which is how several queue clients
 * send it.
 *
 * @throws {WarmJobError} `WARM_JOB_TOO_LARGE`, `WARM_JOB_NOT_JSON`, or `WARM_JOB_INVALID` with every fault of the job at once.
 */
export function parseWarmJob(text: string): WarmJob {
  if (Buffer.byteLength(text) > MAX_MESSAGE_BYTES) {
    throw new WarmJobError(
      'WARM_JOB_TOO_LARGE',
      `the message is longer than ${MAX_MESSAGE_BYTES / 1024} KiB, the limit of a queue message`,
    );
  }
  const parsed = warmJobSchema.safeParse(parseJson(jsonText(text)));
  if (!parsed.success) throw new WarmJobError('WARM_JOB_INVALID', 'the job is not valid', { faults: faultsOf(parsed.error) });
  const job = parsed.data;
  return {
    mountAddresses: job.WarmTargetMountAddresses,
    exportPath: job.WarmTargetExportPath,
    targetPath: job.WarmTargetPath,
    inclusionList: job.InclusionList ?? [],
    exclusionList: job.ExclusionList ?? [],
    maxFileSizeBytes: job.MaxFileSizeBytes ?? 0,
  };
}

/** No JSON text of an object is valid base64 (it begins with a brace), so the two can't be confused. */
function jsonText(text: string): string {
  return BASE64.test(text) ? Buffer.from(text, 'base64').toString('utf8') : text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new WarmJobError('WARM_JOB_NOT_JSON', `the message is neither JSON nor base64 of JSON (${String(cause)})`, { cause });
  }
}

function faultsOf(error: z.ZodError): WarmJobFault[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String).join('.');
    if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
    return issue.keys.map((key) => ({ path: path === '' ? key : `${path}.${key}`, message: 'unknown key' }));
  });
}
