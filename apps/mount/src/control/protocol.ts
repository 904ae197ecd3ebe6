import { z } from 'zod';

/**
 * What the process that owns a cache says through its socket: HTTP with JSON.
 *
 * - `GET /v1/status` → {@link Status}
 * - `GET /v1/stats` → {@link Stats}
 * - `POST /v1/warm` with a {@link WarmRequest} → NDJSON of {@link WarmEvent}, the last one `done` or `error`; closing the connection stops it
 * - `POST /v1/stop` → 202; the owner then ends
 *
 * A refusal is a {@link Refusal} with a status of 400 and above.
 */
export const statusSchema = z.object({
  pid: z.number(),
  version: z.string(),
  startedAt: z.string(),
  /** `serve`: a mount; `warm`: a command that warms the cache without one. */
  role: z.enum(['serve', 'warm']),
  /** Absent until reads work. */
  mount: z
    .object({
      point: z.string(),
      /** Whether the kernel may read complete files straight from the cache. */
      passthrough: z.boolean(),
      /** Blobs met so far that no path leads to, as `backend:path`; at most 1,000. */
      hiddenNames: z.array(z.string()).readonly(),
    })
    .optional(),
  cachePath: z.string(),
  metricsUrl: z.string().optional(),
  backends: z.array(
    z.object({
      name: z.string(),
      type: z.string(),
      mountPath: z.string(),
      /** What the backend reads, such as `account/container/prefix`. */
      location: z.string(),
      /** The last answer to any request; absent before the first. */
      lastAnswer: z.object({ at: z.string(), error: z.string().optional() }).optional(),
    }),
  ),
});

/** State of the owner. */
export type Status = z.infer<typeof statusSchema>;

export const statsSchema = z.object({
  cache: z.object({
    sizeBytes: z.number(),
    maxSizeBytes: z.number(),
    files: z.number(),
    completeFiles: z.number(),
    /** Chunks of reads that reached the daemon: in the cache, and not. */
    hits: z.number(),
    misses: z.number(),
    evictions: z.number(),
    corruptions: z.number(),
    servedDiskBytes: z.number(),
    servedNetworkBytes: z.number(),
    readaheadHits: z.number(),
    readaheadWasted: z.number(),
  }),
  /** Files that the kernel reads by itself; those reads are in no counter of the cache. */
  passthrough: z.object({ opens: z.number(), openedBytes: z.number() }),
  backends: z.record(z.string(), z.object({ requests: z.number(), errors: z.number(), bytesRead: z.number() })),
});

/** Counters since the owner started; sizes and numbers of files as they are. */
export type Stats = z.infer<typeof statsSchema>;

export const warmRequestSchema = z.strictObject({
  /** Default: all backends, one after the other. */
  backend: z.string().optional(),
  /** Only blobs whose path inside the backend starts with this. */
  prefix: z.string().default(''),
  /** Files at once. Default: the cache's own. */
  parallel: z.int().min(1).max(1024).optional(),
});

/** What to warm. */
export type WarmRequest = z.input<typeof warmRequestSchema>;

const counts = {
  /** Files and bytes listed so far, and those that are in the cache. */
  files: z.number(),
  filesDone: z.number(),
  bytes: z.number(),
  bytesDone: z.number(),
  /** Bytes that had to be fetched for it. */
  fetchedBytes: z.number(),
};

export const warmEventSchema = z.discriminatedUnion('type', [
  /** Where a backend stands; `listed` says that the totals are final. */
  z.object({ type: z.literal('progress'), backend: z.string(), ...counts, listed: z.boolean(), elapsedMs: z.number() }),
  /** A file that is not complete in the cache. */
  z.object({ type: z.literal('failed'), backend: z.string(), path: z.string(), message: z.string() }),
  /** A backend is through. `complete` counts the files that were checked to be complete in the cache. */
  z.object({
    type: z.literal('backend'),
    backend: z.string(),
    files: z.number(),
    complete: z.number(),
    bytes: z.number(),
    fetchedBytes: z.number(),
    elapsedMs: z.number(),
  }),
  /** The end. */
  z.object({
    type: z.literal('done'),
    files: z.number(),
    complete: z.number(),
    bytes: z.number(),
    fetchedBytes: z.number(),
    elapsedMs: z.number(),
  }),
  /** The end, early. */
  z.object({ type: z.literal('error'), code: z.string(), message: z.string() }),
]);

/** One line of a warm-up's answer. */
export type WarmEvent = z.infer<typeof warmEventSchema>;

export const refusalSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** Why a request was not done. */
export type Refusal = z.infer<typeof refusalSchema>;
