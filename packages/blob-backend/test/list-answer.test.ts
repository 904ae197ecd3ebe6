import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ListFormatError, parseListAnswer } from '../src/azure/list-answer.ts';
import type { ListPage } from '../src/index.ts';

/** What the service writes, in its order and with the elements that are not read. */
function render({ blobs, prefixes, nextMarker }: ListPage): string {
  const entries = [
    ...prefixes.map((name) => `<BlobPrefix><Name>${escape(name)}</Name></BlobPrefix>`),
    ...blobs.map(
      ({ path, size, etag, lastModifiedMs }) =>
        `<Blob><Name>${escape(path)}</Name><Properties><Creation-Time>Fri, 21 Nov 2025 20:44:18 GMT</Creation-Time>` +
        `<Last-Modified>${new Date(lastModifiedMs).toUTCString()}</Last-Modified><Etag>${escape(etag)}</Etag>` +
        `<Content-Length>${size}</Content-Length><Content-Type>application/octet-stream</Content-Type><Content-Encoding />` +
        `<Content-MD5/><BlobType>BlockBlob</BlobType></Properties><OrMetadata /></Blob>`,
    ),
  ];
  const marker = nextMarker === undefined ? '<NextMarker />' : `<NextMarker>${escape(nextMarker)}</NextMarker>`;
  return (
    `\uFEFF<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://a.blob.core.windows.net/" ContainerName="c">` +
    `<Prefix>x</Prefix><MaxResults>5000</MaxResults><Blobs>${entries.join('')}</Blobs>${marker}</EnumerationResults>`
  );
}

function escape(text: string): string {
  return text.replace(/[<>&"'\r\n\t]/g, (character) => `&#x${character.charCodeAt(0).toString(16).toUpperCase()};`);
}

/** Any text that XML can carry. */
const xmlText = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  // eslint-disable-next-line no-control-regex -- these are the characters that XML 1.0 forbids
  .filter((text) => text.isWellFormed() && !/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/.test(text));

const listing: fc.Arbitrary<ListPage> = fc.record(
  {
    prefixes: fc.array(xmlText.map((name) => `${name}/`)),
    blobs: fc.array(
      fc.record({
        path: xmlText,
        size: fc.maxSafeNat(),
        etag: fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom('0', '1', '8', 'A', 'F', 'x') }).map((text) => `"${text}"`),
        lastModifiedMs: fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => seconds * 1000),
      }),
    ),
    nextMarker: xmlText,
  },
  { requiredKeys: ['blobs', 'prefixes'] },
);

describe('parseListAnswer', () => {
  it('reads back whatever the service lists', () => {
    fc.assert(
      fc.property(listing, (answer) => {
        expect(parseListAnswer(render(answer))).toEqual(answer);
      }),
    );
  });

  it('never takes a part of an answer for the whole', () => {
    fc.assert(
      fc.property(listing, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (answer, share) => {
        const xml = render(answer);
        expect(() => parseListAnswer(xml.slice(0, Math.floor(xml.length * share)))).toThrow(ListFormatError);
      }),
    );
  });

  it('reads any text or refuses it, and throws nothing else', () => {
    const tags = [
      '<Blob>',
      '</Blob>',
      '<BlobPrefix>',
      '</BlobPrefix>',
      '<Name>',
      '<Name Encoded="true">',
      '</Name>',
      '%zz',
      '&#x110000;',
      '&lt;',
    ];
    const soup = fc.array(fc.oneof(fc.constantFrom(...tags), fc.string()), { maxLength: 30 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(soup, (body) => {
        try {
          parseListAnswer(`<EnumerationResults ><Blobs>${body}</Blobs></EnumerationResults>`);
        } catch (error) {
          expect(error).toBeInstanceOf(ListFormatError);
        }
      }),
    );
  });

  it('decodes names that XML cannot hold', () => {
    const entry = `<Blob><Name Encoded="true">a%01%25b</Name><Properties><Last-Modified>Fri, 21 Nov 2025 20:44:18 GMT</Last-Modified><Etag>0x1</Etag><Content-Length>1</Content-Length></Properties></Blob>`;
    const { blobs } = parseListAnswer(`<EnumerationResults><Blobs>${entry}</Blobs><NextMarker/></EnumerationResults>`);
    expect(blobs).toEqual([{ path: 'a\u0001%b', size: 1, etag: '"0x1"', lastModifiedMs: Date.UTC(2025, 10, 21, 20, 44, 18) }]);
  });

  it('leaves the directories of a hierarchical namespace out', () => {
    const entry = (name: string, type: string): string =>
      `<Blob><Name>${name}</Name><Properties><Last-Modified>Fri, 21 Nov 2025 20:44:18 GMT</Last-Modified><Etag>0x1</Etag><ResourceType>${type}</ResourceType><Content-Length>0</Content-Length></Properties></Blob>`;
    const { blobs } = parseListAnswer(
      `<EnumerationResults><Blobs>${entry('dir', 'directory')}${entry('dir/a', 'file')}</Blobs><NextMarker/></EnumerationResults>`,
    );
    expect(blobs.map(({ path }) => path)).toEqual(['dir/a']);
  });
});
