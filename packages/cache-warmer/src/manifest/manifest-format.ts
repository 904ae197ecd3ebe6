import { z } from 'zod';
import { ManifestError } from './manifest-error.ts';
import type { Manifest, ManifestItem, ManifestPage } from './manifest.ts';

/** Of both records. A reader refuses what it doesn't know. */
const FORMAT_VERSION = 1;

const count = z.int().nonnegative();
const range = z.tuple([count, count]);

/** Arrays instead of objects: the names of the keys would be half of a page. A file is path, size and mtime. */
const pageSchema = z.object({
  version: z.literal(FORMAT_VERSION),
  first: count,
  items: z.array(
    z.object({ files: z.array(z.tuple([z.string(), count, z.number()])), range: range.optional(), address: count.optional() }),
  ),
});

const failureSchema = z.object({ path: z.string(), reason: z.string() });

const manifestSchema = z.object({
  version: z.literal(FORMAT_VERSION),
  walk: z.string(),
  pages: z.array(z.object({ etag: z.string(), first: count, items: count })),
  ...{ items: count, files: count, bytes: count },
  skipped: z.object({ inclusion: count, exclusion: count, size: count, links: count, special: count }),
  unreadable: z.array(failureSchema),
  unreadableCount: count,
});

/** The JSON of a page. */
export function formatPage({ first, items }: ManifestPage): string {
  const compact = items.map(({ files, range: part, address }) => ({
    files: files.map(({ path, size, mtimeMs }) => [path, size, mtimeMs]),
    ...(part === undefined ? {} : { range: [part.start, part.end] }),
    ...(address === undefined ? {} : { address }),
  }));
  return JSON.stringify({ version: FORMAT_VERSION, first, items: compact });
}

/** @throws {ManifestError} `MANIFEST_INVALID`. */
export function parsePage(body: Buffer, name: string): ManifestPage {
  const { first, items } = parse(pageSchema, body, name);
  return {
    first,
    items: items.map(({ files, range: part, address }): ManifestItem => ({
      files: files.map(([path, size, mtimeMs]) => ({ path, size, mtimeMs })),
      ...(part === undefined ? {} : { range: { start: part[0], end: part[1] } }),
      ...(address === undefined ? {} : { address }),
    })),
  };
}

/** The JSON of a manifest. */
export function formatManifest(manifest: Manifest): string {
  return JSON.stringify({ version: FORMAT_VERSION, ...manifest });
}

/** @throws {ManifestError} `MANIFEST_INVALID`. */
export function parseManifest(body: Buffer, name: string): Manifest {
  const { walk, pages, items, files, bytes, skipped, unreadable, unreadableCount } = parse(manifestSchema, body, name);
  return { walk, pages, items, files, bytes, skipped, unreadable, unreadableCount };
}

function parse<Value>(schema: z.ZodType<Value>, body: Buffer, name: string): Value {
  try {
    return schema.parse(JSON.parse(body.toString('utf8')));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new ManifestError('MANIFEST_INVALID', `the record ${name} is not one that this version can read: ${reason}`, { cause });
  }
}
