import type { BlobProperties, ListPage } from '../backend.ts';

/** The answer is no List Blobs answer; the message says where it is wrong. */
export class ListFormatError extends Error {
  override readonly name = 'ListFormatError';
}

/**
 * Reads the XML of a List Blobs answer, with the names as the container has them.
 *
 * A scanner for this one format, because listings of millions of blobs are ordinary here: a page of 5,000 takes it a few milliseconds,
 * and a general XML parser followed by a schema 300 to 600, during which no read is served. It relies on what any XML writer guarantees: a `<`
 * in text is escaped.
 *
 * Source: https://learn.microsoft.com/rest/api/storageservices/list-blobs
 */
export function parseListAnswer(xml: string): ListPage {
  if (!/<EnumerationResults[\s>]/.test(xml.slice(0, 1000))) throw new ListFormatError('no EnumerationResults at the start');
  if (!/<\/EnumerationResults>\s*$/.test(xml.slice(-1000))) throw new ListFormatError('no end of EnumerationResults');
  const blobs: BlobProperties[] = [];
  const prefixes: string[] = [];
  const opening = /<(Blob|BlobPrefix)>/g;
  let entriesEnd = 0;
  for (let match = opening.exec(xml); match !== null; match = opening.exec(xml)) {
    const closing = match[1] === 'Blob' ? '</Blob>' : '</BlobPrefix>';
    entriesEnd = xml.indexOf(closing, opening.lastIndex);
    if (entriesEnd === -1) throw new ListFormatError(`no ${closing}`);
    const entry = xml.slice(opening.lastIndex, entriesEnd);
    opening.lastIndex = entriesEnd + closing.length;
    if (match[1] === 'BlobPrefix') prefixes.push(nameOf(entry));
    // Accounts with a hierarchical namespace list their directories as well.
    else if (textOf(entry, 'ResourceType') !== 'directory') blobs.push(blobOf(entry));
  }
  const nextMarker = textOf(xml.slice(entriesEnd), 'NextMarker') ?? '';
  return nextMarker === '' ? { blobs, prefixes } : { blobs, prefixes, nextMarker };
}

function blobOf(entry: string): BlobProperties {
  const path = nameOf(entry);
  const size = Number(textOf(entry, 'Content-Length') ?? NaN);
  const lastModifiedMs = Date.parse(textOf(entry, 'Last-Modified') ?? '');
  const etag = textOf(entry, 'Etag');
  if (!Number.isSafeInteger(size) || Number.isNaN(lastModifiedMs) || etag === undefined || etag === '') {
    throw new ListFormatError(`blob "${path}" lacks Content-Length, Last-Modified or Etag`);
  }
  return { path, size, etag: quoted(etag), lastModifiedMs };
}

/** An ETag as headers have it; listings leave the quotes out. */
export function quoted(etag: string): string {
  return etag.endsWith('"') ? etag : `"${etag}"`;
}

function nameOf(entry: string): string {
  const match = /<Name(?: ([^>]*))?>([^<]*)<\/Name>/.exec(entry);
  if (match?.[2] === undefined) throw new ListFormatError('an entry without a name');
  const text = unescapeXml(match[2]);
  // Names with characters that XML cannot hold come percent-encoded and say so.
  return match[1]?.includes('Encoded="true"') === true ? decodeURIComponent(text) : text;
}

function textOf(entry: string, tag: string): string | undefined {
  const open = entry.indexOf(`<${tag}>`);
  if (open === -1) return undefined;
  const start = open + tag.length + 2;
  const end = entry.indexOf('<', start);
  return end === -1 ? undefined : unescapeXml(entry.slice(start, end));
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(\w+));/g, (whole, hex?: string, decimal?: string, entity?: string) => {
    if (entity !== undefined) return ENTITIES[entity] ?? whole;
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
