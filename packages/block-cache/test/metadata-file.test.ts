import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Geometry } from '../src/geometry.ts';
import { decodeHeader, decodeMetadata, encodeHeader, encodeRecord, recordLength, type VersionHeader } from '../src/metadata-file.ts';
import { CHUNK } from './harness.ts';

const headers = fc.record<VersionHeader>({
  backend: fc.string(),
  path: fc.string({ unit: 'grapheme', maxLength: 300 }),
  etag: fc.string(),
  size: fc.nat(40 * CHUNK),
  lastModifiedMs: fc.nat(),
  blockSize: fc.constantFrom(1, 2, 8, 32, 64, 512).map((chunks) => chunks * CHUNK),
  passed: fc.boolean(),
});

/** A metadata file whose chunk `n` is present when `present[n]`, with checksum `n * 7 + 1`. */
function encode(header: VersionHeader, present: readonly boolean[]): Buffer {
  const geometry = new Geometry(header.size, header.blockSize);
  const records = Array.from({ length: geometry.blocks }, (_, block) =>
    encodeRecord(
      geometry,
      block,
      (chunk) => present[chunk] ?? false,
      (chunk) => chunk * 7 + 1,
    ),
  );
  return Buffer.concat([encodeHeader(header), ...records]);
}

function decode(bytes: Buffer): { header: VersionHeader; chunks: Map<number, number>; badRecords: readonly number[] } | undefined {
  const chunks = new Map<number, number>();
  const decoded = decodeMetadata(bytes, (chunk, crc) => chunks.set(chunk, crc));
  return decoded === undefined ? undefined : { header: decoded.header, chunks, badRecords: decoded.badRecords };
}

const present = fc.array(fc.boolean(), { minLength: 41, maxLength: 41 });

describe('the metadata file', () => {
  it('gives back what was written', () => {
    fc.assert(
      fc.property(headers, present, (header, mask) => {
        const decoded = decode(encode(header, mask));
        expect(decoded?.header).toEqual(header);
        expect(decoded?.badRecords).toEqual([]);
        const chunks = Math.ceil(header.size / CHUNK);
        const expected = Array.from({ length: chunks }, (_, chunk) => chunk).filter((chunk) => mask[chunk]);
        expect([...(decoded?.chunks ?? [])]).toEqual(expected.map((chunk) => [chunk, chunk * 7 + 1]));
      }),
    );
  });

  it('never shows a chunk that was not written, whichever byte is changed', () => {
    fc.assert(
      fc.property(headers, present, fc.nat(), fc.integer({ min: 1, max: 255 }), (header, mask, at, flip) => {
        const bytes = encode(header, mask);
        const headerLength = encodeHeader(header).length;
        const index = at % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ flip;
        const decoded = decode(bytes);
        if (index < headerLength) {
          expect(decoded).toBeUndefined();
          return;
        }
        const geometry = new Geometry(header.size, header.blockSize);
        const block = Math.floor((index - headerLength) / recordLength(geometry));
        expect(decoded?.badRecords).toEqual([block]);
        for (const [chunk, crc] of decoded?.chunks ?? []) {
          expect(mask[chunk]).toBe(true);
          expect(crc).toBe(chunk * 7 + 1);
          expect(geometry.blockOf(chunk)).not.toBe(block);
        }
      }),
    );
  });

  it('takes any bytes, and any cut of a valid file, without throwing or inventing chunks', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => decodeHeader(Buffer.from(bytes)) === undefined));
    fc.assert(
      fc.property(headers, present, fc.nat(), (header, mask, at) => {
        const bytes = encode(header, mask);
        const decoded = decode(bytes.subarray(0, at % (bytes.length + 1)));
        for (const chunk of decoded?.chunks.keys() ?? []) expect(mask[chunk]).toBe(true);
      }),
    );
  });

  it('does not take a record for another block’s', () => {
    const header: VersionHeader = {
      backend: 'b',
      path: 'p',
      etag: 'e',
      size: 2 * CHUNK,
      lastModifiedMs: 0,
      blockSize: CHUNK,
      passed: false,
    };
    const bytes = encode(header, [true, false]);
    const length = recordLength(new Geometry(header.size, header.blockSize));
    bytes.copy(bytes, bytes.length - length, bytes.length - 2 * length, bytes.length - length);
    expect(decode(bytes)).toMatchObject({ badRecords: [1] });
  });

  it('takes a record that was never written as absent, not as damage', () => {
    const header: VersionHeader = {
      backend: 'b',
      path: 'p',
      etag: 'e',
      size: 9 * CHUNK,
      lastModifiedMs: 0,
      blockSize: CHUNK,
      passed: false,
    };
    const bytes = Buffer.concat([encodeHeader(header), Buffer.alloc(recordLength(new Geometry(header.size, header.blockSize)) * 4)]);
    expect(decode(bytes)).toMatchObject({ badRecords: [], chunks: new Map() });
  });
});
