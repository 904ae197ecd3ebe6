import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { patternFault } from './file-pattern.ts';
import { WarmJobError, type WarmJobFault } from './errors.ts';
import type { WarmTarget } from './warm-target.ts';

/** One request to warm files, as it travels on the job queue. */
export interface WarmJob {
  readonly target: WarmTarget;
  /** Whether everything is read through every address, so that each cache node holds it; otherwise each file is read through one. */
  readonly throughAllAddresses: boolean;
  /** Patterns of the files to warm; empty: all files. */
  readonly inclusionList: readonly string[];
  /** Patterns of the files to leave out, after the inclusion; empty: none. */
  readonly exclusionList: readonly string[];
  /** Files larger than this many bytes are left out; 0: no limit. */
  readonly maxFileSizeBytes: number;
}

/** A message on an Azure Storage queue holds at most this much text, so a longer one was never a job. */
const MAX_MESSAGE_BYTES = 64 * 1024;

/** Letters, digits, dots and dashes of a DNS name or an IPv4 address, or the colons and hex digits of an IPv6 address. */
const HOST = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|[0-9a-f]*:[0-9a-f:.]+)$/i;

const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}$/;

const path = z
  .string()
  .refine((text) => !text.includes('\0'), 'must not contain a NUL character')
  .refine((text) => !text.split('/').includes('..'), 'must not contain ".." as a part');

const absolutePath = path.startsWith('/', 'must be an absolute path, such as /animation');

const address = z.string().superRefine((text, context) => {
  const message = text.startsWith('file:')
    ? folderFault(text)
    : HOST.test(text)
      ? undefined
      : 'must be a host name, an IP address, or file:///dir';
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

const pattern = z.string().superRefine((text, context) => {
  const message = patternFault(text);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

/** Go writes null for a list that was never made. */
const patterns = z.array(pattern).nullish();

/** The field names of the JSON are those of the CacheWarmer for Avere vFXT, so that existing job submitters keep working. */
const warmJobSchema = z
  .strictObject({
    WarmTargetMountAddresses: z.array(address).min(1, 'must name at least one address').optional(),
    WarmTargetExportPath: absolutePath.optional(),
    WarmTargetPath: absolutePath.optional(),
    WarmTargetBackend: z.string().min(1, 'must be the name of a backend').optional(),
    WarmTargetPrefix: path.refine((text) => !text.startsWith('/'), 'must not begin with a slash').optional(),
    WarmThroughAllAddresses: z.boolean().optional(),
    InclusionList: patterns,
    ExclusionList: patterns,
    MaxFileSizeBytes: z.int('must be a whole number of bytes').nonnegative('must not be negative (0 = no limit)').optional(),
  })
  .superRefine((job, context) => {
    for (const { path: key, message } of targetFaults(job)) context.addIssue({ code: 'custom', path: key === '' ? [] : [key], message });
  });

const EXPORT_KEYS = ['WarmTargetMountAddresses', 'WarmTargetExportPath', 'WarmTargetPath'] as const;
const BACKEND_KEYS = ['WarmTargetBackend', 'WarmTargetPrefix'] as const;

type JobValue = z.infer<typeof warmJobSchema>;

/** A target is an export or a backend, and all of it. */
function targetFaults(job: Partial<JobValue>): WarmJobFault[] {
  const ofBackend = BACKEND_KEYS.filter((key) => job[key] !== undefined);
  const ofExport = EXPORT_KEYS.filter((key) => job[key] !== undefined);
  if (ofBackend.length === 0) {
    return EXPORT_KEYS.filter((key) => job[key] === undefined).map((key) => ({ path: key, message: 'is missing' }));
  }
  const mixed = ofExport.map((key) => ({
    path: key,
    message: `must not stand beside ${ofBackend.join(' and ')}: a job warms an export or a backend`,
  }));
  return job.WarmTargetBackend === undefined ? [...mixed, { path: 'WarmTargetBackend', message: 'is missing' }] : mixed;
}

function folderFault(text: string): string | undefined {
  return isFolder(text) ? undefined : 'must be file:/// and an absolute path of a directory, such as file:///mnt/cache1';
}

function isFolder(text: string): boolean {
  if (!/^file:\/\/\/[^/]/.test(text)) return false;
  try {
    const folder = fileURLToPath(text);
    // Parts such as `..`, a query, and characters that a URL drops are there only before it is read as one.
    return folder === decodeURIComponent(text.slice('file://'.length)) && !folder.includes('\0');
  } catch {
    return false;
  }
}

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
  return parseWarmJobValue(parseJson(jsonText(text)));
}

/** Reads a warm job from the value that its JSON stands for. @throws {WarmJobError} `WARM_JOB_INVALID` with every fault at once. */
export function parseWarmJobValue(value: unknown): WarmJob {
  const parsed = warmJobSchema.safeParse(value);
  if (!parsed.success) throw new WarmJobError('WARM_JOB_INVALID', 'the job is not valid', { faults: faultsOf(parsed.error, value) });
  const job = parsed.data;
  return {
    target: targetOf(job),
    throughAllAddresses: job.WarmThroughAllAddresses ?? false,
    inclusionList: job.InclusionList ?? [],
    exclusionList: job.ExclusionList ?? [],
    maxFileSizeBytes: job.MaxFileSizeBytes ?? 0,
  };
}

/** The text of a message that means the job. */
export function formatWarmJob({ target, throughAllAddresses, inclusionList, exclusionList, maxFileSizeBytes }: WarmJob): string {
  const what: JobValue =
    target.kind === 'backend'
      ? { WarmTargetBackend: target.backend, WarmTargetPrefix: target.prefix }
      : { WarmTargetMountAddresses: [...target.addresses], WarmTargetExportPath: target.exportPath, WarmTargetPath: target.path };
  const filters: JobValue = { InclusionList: [...inclusionList], ExclusionList: [...exclusionList], MaxFileSizeBytes: maxFileSizeBytes };
  return JSON.stringify({ ...what, ...(throughAllAddresses ? { WarmThroughAllAddresses: true } : {}), ...filters });
}

/** A target for people: `/animation/scene1 through 10.0.1.11, 10.0.1.12`. */
export function describeTarget(target: WarmTarget): string {
  if (target.kind === 'backend') return `backend ${target.backend}${target.prefix === '' ? '' : `, prefix ${target.prefix}`}`;
  const place = [target.exportPath, target.path].join('/').replaceAll(/\/{2,}/g, '/');
  return `${place.length > 1 ? place.replace(/\/$/, '') : place} through ${target.addresses.join(', ')}`;
}

function targetOf(job: JobValue): WarmTarget {
  if (job.WarmTargetBackend !== undefined) return { kind: 'backend', backend: job.WarmTargetBackend, prefix: job.WarmTargetPrefix ?? '' };
  // The schema has seen to it that they are there.
  const { WarmTargetMountAddresses: addresses = [], WarmTargetExportPath: exportPath = '/', WarmTargetPath: below = '/' } = job;
  return { kind: 'export', addresses, exportPath, path: below };
}

/** No JSON text of an object is valid base64 (it begins with a brace), so the two can't be confused. */
function jsonText(message: string): string {
  const text = message.trim();
  return BASE64.test(text) ? Buffer.from(text, 'base64').toString('utf8') : text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new WarmJobError('WARM_JOB_NOT_JSON', `the message is neither JSON nor base64 of JSON (${String(cause)})`, { cause });
  }
}

function faultsOf(error: z.ZodError, value: unknown): WarmJobFault[] {
  const faults = error.issues.flatMap((issue) => {
    const key = issue.path.map(String).join('.');
    if (issue.code !== 'unrecognized_keys') return [{ path: key, message: issue.message }];
    return issue.keys.map((name) => ({
      path: key === '' ? name : `${key}.${name}`,
      message: `is unknown; known keys: ${Object.keys(warmJobSchema.shape).join(', ')}`,
    }));
  });
  // The rules across keys are not asked once a key is wrong by itself.
  const named = new Set(faults.map(({ path: key }) => key.split('.')[0]));
  const across = typeof value === 'object' && value !== null && !Array.isArray(value) ? targetFaults(value) : [];
  return [...faults, ...across.filter(({ path: key }) => !named.has(key))];
}
