import { crc32 } from 'node:zlib';

import { CHUNK_BYTES, Geometry, isBlockSize } from './geometry.ts';

/*
 * Codec of the metadata file: a header, then one record of fixed length per block. `docs/cache-format.md` describes every field.
 * Parsing takes any bytes: what is not exactly valid is reported as absent, never guessed.
 */

/** Version of the format; another one is not read. */
export const FORMAT_VERSION = 1;

/** "WFCACHE" and a zero byte, as the first eight bytes. */
const MAGIC = Buffer.from('WFCACHE\0', 'latin1');

const CRC_AT = 8;
const VERSION_AT = 12;
const HEADER_LENGTH_AT = 16;
const FLAGS_AT = 20;
const SIZE_AT = 24;
const LAST_MODIFIED_AT = 32;
const BLOCK_SIZE_AT = 40;
const CHUNK_SIZE_AT = 44;
const STRING_LENGTHS_AT = 48;
const STRINGS_AT = 60;

/** Headers are padded to this, so that records of small blocks start aligned. */
const HEADER_ALIGN = 64;

/** No name is longer: Azure allows 1,024 characters for a path; anything beyond is damage. */
const MAX_HEADER_BYTES = 64 * 1024;

const FLAG_PASSED = 1;

const WORD = Uint32Array.BYTES_PER_ELEMENT;

/** What the header says about a version. */
export interface VersionHeader {
  readonly backend: string;
  readonly path: string;
  readonly etag: string;
  /** Bytes of the blob. */
  readonly size: number;
  readonly lastModifiedMs: number;
  readonly blockSize: number;
  /** The data file was handed to the kernel once: from then on it is never punched, truncated or rewritten. */
  readonly passed: boolean;
}

/** Encodes a header, padded to where the records begin. */
export function encodeHeader(header: VersionHeader): Buffer {
  const strings = [header.backend, header.path, header.etag].map((text) => Buffer.from(text, 'utf8'));
  const used = strings.reduce((sum, text) => sum + text.length, STRINGS_AT);
  const length = Math.ceil(used / HEADER_ALIGN) * HEADER_ALIGN;
  if (length > MAX_HEADER_BYTES) throw new RangeError(`names of ${header.path.slice(0, 80)}… are too long for a cache header`);
  const bytes = Buffer.alloc(length);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(FORMAT_VERSION, VERSION_AT);
  bytes.writeUInt32LE(length, HEADER_LENGTH_AT);
  bytes.writeUInt32LE(header.passed ? FLAG_PASSED : 0, FLAGS_AT);
  bytes.writeBigUInt64LE(BigInt(header.size), SIZE_AT);
  bytes.writeDoubleLE(header.lastModifiedMs, LAST_MODIFIED_AT);
  bytes.writeUInt32LE(header.blockSize, BLOCK_SIZE_AT);
  bytes.writeUInt32LE(CHUNK_BYTES, CHUNK_SIZE_AT);
  let at = STRINGS_AT;
  for (const [index, text] of strings.entries()) {
    bytes.writeUInt32LE(text.length, STRING_LENGTHS_AT + index * WORD);
    at += text.copy(bytes, at);
  }
  bytes.writeUInt32LE(headerCrc(bytes), CRC_AT);
  return bytes;
}

/** Checksum of a header: everything but the field that holds it. */
function headerCrc(bytes: Buffer): number {
  return crc32(bytes.subarray(VERSION_AT), crc32(bytes.subarray(0, CRC_AT)));
}

/** Reads the header at the start of `bytes`; undefined when it is not valid. `length` is where the records begin. */
export function decodeHeader(bytes: Buffer): { readonly header: VersionHeader; readonly length: number } | undefined {
  if (bytes.length < STRINGS_AT || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const length = bytes.readUInt32LE(HEADER_LENGTH_AT);
  if (bytes.readUInt32LE(VERSION_AT) !== FORMAT_VERSION || length < STRINGS_AT || length > Math.min(bytes.length, MAX_HEADER_BYTES))
    return undefined;
  if (headerCrc(bytes.subarray(0, length)) !== bytes.readUInt32LE(CRC_AT)) return undefined;
  const size = Number(bytes.readBigUInt64LE(SIZE_AT));
  const blockSize = bytes.readUInt32LE(BLOCK_SIZE_AT);
  if (!Number.isSafeInteger(size) || !isBlockSize(blockSize) || bytes.readUInt32LE(CHUNK_SIZE_AT) !== CHUNK_BYTES) return undefined;
  const texts: string[] = [];
  let at = STRINGS_AT;
  for (let index = 0; index < 3; index++) {
    const end = at + bytes.readUInt32LE(STRING_LENGTHS_AT + index * WORD);
    if (end > length) return undefined;
    texts.push(bytes.toString('utf8', at, end));
    at = end;
  }
  const [backend = '', path = '', etag = ''] = texts;
  const passed = (bytes.readUInt32LE(FLAGS_AT) & FLAG_PASSED) !== 0;
  return { header: { backend, path, etag, size, lastModifiedMs: bytes.readDoubleLE(LAST_MODIFIED_AT), blockSize, passed }, length };
}

/** Bytes of one block's record: presence mask, a checksum per chunk, and the record's own checksum. */
export function recordLength(geometry: Geometry): number {
  return (geometry.wordsPerBlock + geometry.chunksPerBlock + 1) * WORD;
}

/** Encodes the record of a block. `isPresent` and `crcOf` take chunk numbers of the whole blob; absent chunks have checksum 0. */
export function encodeRecord(
  geometry: Geometry,
  block: number,
  isPresent: (chunk: number) => boolean,
  crcOf: (chunk: number) => number,
): Buffer {
  const bytes = Buffer.alloc(recordLength(geometry));
  const first = geometry.firstChunk(block);
  for (let chunk = first; chunk < geometry.endChunk(block); chunk++) {
    if (!isPresent(chunk)) continue;
    const bit = chunk - first;
    const word = (bit >>> 5) * WORD;
    bytes.writeUInt32LE((bytes.readUInt32LE(word) | (1 << (bit & 31))) >>> 0, word);
    bytes.writeUInt32LE(crcOf(chunk), (geometry.wordsPerBlock + bit) * WORD);
  }
  bytes.writeUInt32LE(recordCrc(bytes, block), bytes.length - WORD);
  return bytes;
}

/** The block's number goes into the checksum: a record that landed in another's place is not valid. */
function recordCrc(record: Buffer, block: number): number {
  const seed = Buffer.alloc(WORD);
  seed.writeUInt32LE(block >>> 0);
  return crc32(record.subarray(0, record.length - WORD), crc32(seed));
}

/** What a metadata file says. */
export interface DecodedMetadata {
  readonly header: VersionHeader;
  readonly geometry: Geometry;
  /** Where the records begin. */
  readonly headerLength: number;
  /** Blocks whose record is there but not valid; their chunks are absent. */
  readonly badRecords: readonly number[];
}

/**
 * Reads a whole metadata file. A record that ends beyond the file, or was never written, has no chunk.
 *
 * @param onChunk called for each chunk that a valid record names, with its checksum.
 * @returns undefined without a valid header.
 */
export function decodeMetadata(
  bytes: Buffer,
  onChunk: (chunk: number, crc: number, geometry: Geometry) => void,
): DecodedMetadata | undefined {
  const decoded = decodeHeader(bytes);
  if (decoded === undefined) return undefined;
  const { header, length: headerLength } = decoded;
  const geometry = new Geometry(header.size, header.blockSize);
  const length = recordLength(geometry);
  const badRecords: number[] = [];
  for (let block = 0; block < geometry.blocks; block++) {
    const at = headerLength + block * length;
    if (at + length > bytes.length) {
      if (!isZero(bytes.subarray(at))) badRecords.push(block);
      break;
    }
    const record = bytes.subarray(at, at + length);
    if (recordCrc(record, block) !== record.readUInt32LE(length - WORD)) {
      if (!isZero(record)) badRecords.push(block);
      continue;
    }
    const first = geometry.firstChunk(block);
    for (let chunk = first; chunk < geometry.endChunk(block); chunk++) {
      const bit = chunk - first;
      if ((record.readUInt32LE((bit >>> 5) * WORD) & (1 << (bit & 31))) === 0) continue;
      onChunk(chunk, record.readUInt32LE((geometry.wordsPerBlock + bit) * WORD), geometry);
    }
  }
  return { header, geometry, headerLength, badRecords };
}

/** Whether a record was never written: a hole of the file. */
function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}
