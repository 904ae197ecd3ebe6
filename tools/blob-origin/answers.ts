import type { ServerResponse } from 'node:http';
import type { ListPage } from '@warpforge/blob-backend';

/** An error answer in the form of the Blob service. */
export class OriginError extends Error {
  override readonly name = 'OriginError';
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, headers: Readonly<Record<string, string>> = {}, cause?: unknown) {
    super(`${status} ${code}`, { cause });
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** Sends an error; a HEAD request gets it without the body. */
export function sendError(response: ServerResponse, { status, code, headers }: OriginError): void {
  const body = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;
  response.writeHead(status, {
    ...headers,
    'x-ms-error-code': code,
    'content-type': 'application/xml',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

/** Headers that describe a blob. */
export function blobHeaders({ etag, lastModifiedMs }: { readonly etag: string; readonly lastModifiedMs: number }): Record<string, string> {
  return {
    etag,
    'last-modified': new Date(lastModifiedMs).toUTCString(),
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    'x-ms-blob-type': 'BlockBlob',
  };
}

/** A List Blobs answer; see https://learn.microsoft.com/rest/api/storageservices/list-blobs */
export function listXml(container: string, { blobs, prefixes, nextMarker }: ListPage): string {
  const folded = prefixes.map((name) => `<BlobPrefix>${nameXml(name)}</BlobPrefix>`);
  const entries = blobs.map(
    ({ path, size, etag, lastModifiedMs }) =>
      `<Blob>${nameXml(path)}<Properties><Last-Modified>${new Date(lastModifiedMs).toUTCString()}</Last-Modified>` +
      `<Etag>${etag.slice(1, -1)}</Etag><Content-Length>${size}</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>`,
  );
  const marker = nextMarker === undefined ? '' : Buffer.from(nextMarker).toString('base64url');
  return (
    `<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="${escapeXml(container)}">` +
    `<Blobs>${folded.join('')}${entries.join('')}</Blobs><NextMarker>${marker}</NextMarker></EnumerationResults>`
  );
}

/** The name that a marker of {@link listXml} stands for. */
export function readMarker(marker: string): string {
  return Buffer.from(marker, 'base64url').toString();
}

function nameXml(name: string): string {
  // Characters that XML cannot hold make the service percent-encode the name.
  // eslint-disable-next-line no-control-regex -- these are those characters
  if (/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/.test(name)) return `<Name Encoded="true">${encodeURIComponent(name)}</Name>`;
  return `<Name>${escapeXml(name)}</Name>`;
}

function escapeXml(text: string): string {
  return text.replace(/[<>&"'\r\n\t]/g, (character) => `&#x${character.charCodeAt(0).toString(16)};`);
}
