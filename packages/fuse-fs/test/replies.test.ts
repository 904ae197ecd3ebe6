import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Attributes } from '../src/file-system.ts';
import { encodeAttributes, encodeEntry, encodeStatistics } from '../src/protocol/attributes.ts';
import { encodeHeader, encodeInit, encodeOpen } from '../src/protocol/replies.ts';
import { encodeInvalidateEntry, encodeInvalidateInode } from '../src/protocol/notify.ts';

const attributes = fc.record<Attributes>({
  inode: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  kind: fc.constantFrom('file', 'directory'),
  permissions: fc.integer({ min: 0, max: 0o777 }),
  size: fc.maxSafeNat(),
  modifiedMs: fc.integer({ min: -(10 ** 11), max: 10 ** 13 }),
  uid: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  gid: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
});

/** Reads `struct fuse_attr` as the kernel does. */
function readAttributes(bytes: Buffer, at: number): Attributes & { blocks: number } {
  const mode = bytes.readUInt32LE(at + 60);
  const times = [0, 1, 2].map(
    (time) => Number(bytes.readBigInt64LE(at + 24 + time * 8)) * 1000 + bytes.readUInt32LE(at + 48 + time * 4) / 1e6,
  );
  expect(new Set(times).size).toBe(1);
  expect(bytes.readUInt32LE(at + 52)).toBeLessThan(1e9);
  return {
    inode: Number(bytes.readBigUInt64LE(at)),
    size: Number(bytes.readBigUInt64LE(at + 8)),
    blocks: Number(bytes.readBigUInt64LE(at + 16)),
    kind: (mode & 0o170000) === 0o040000 ? 'directory' : 'file',
    permissions: mode & 0o7777,
    modifiedMs: times[0]!,
    uid: bytes.readUInt32LE(at + 68),
    gid: bytes.readUInt32LE(at + 72),
  };
}

describe('replies', () => {
  it('carry attributes in both places unchanged', () => {
    fc.assert(
      fc.property(attributes, fc.integer({ min: 0, max: 10 ** 10 }), (expected, validMs) => {
        const attr = encodeAttributes({ attributes: expected, validMs });
        const entry = encodeEntry({ attributes: expected, validMs });
        expect([attr.length, entry.length]).toEqual([104, 128]);
        for (const found of [readAttributes(attr, 16), readAttributes(entry, 40)]) {
          expect(found).toEqual({ ...expected, blocks: Math.ceil(expected.size / 512) });
        }
        expect(Number(attr.readBigUInt64LE(0)) * 1000 + attr.readUInt32LE(8) / 1e6).toBe(validMs);
        expect(Number(entry.readBigUInt64LE(0))).toBe(expected.inode);
        for (const [seconds, nanoseconds] of [
          [16, 32],
          [24, 36],
        ] as const) {
          expect(Number(entry.readBigUInt64LE(seconds)) * 1000 + entry.readUInt32LE(nanoseconds) / 1e6).toBe(validMs);
        }
      }),
    );
  });

  it('tell a missing name by the inode 0 and how long that holds', () => {
    const entry = encodeEntry({ validMs: 1500 });
    expect(entry.readBigUInt64LE(0)).toBe(0n);
    expect([entry.readBigUInt64LE(16), entry.readUInt32LE(32)]).toEqual([1n, 500_000_000]);
    expect(entry.subarray(40).every((byte) => byte === 0)).toBe(true);
  });

  it('never give a time that has run out a negative length', () => {
    const entry = encodeEntry({ validMs: -5 });
    expect([entry.readBigUInt64LE(16), entry.readUInt32LE(32)]).toEqual([0n, 0]);
  });

  it('begin with a header that counts itself and has the error negative', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.integer({ min: 0, max: 133 }), fc.nat(), (unique, errno, length) => {
        const header = encodeHeader(unique, errno, length);
        expect([header.readUInt32LE(0), header.readInt32LE(4), header.readBigUInt64LE(8)]).toEqual([
          16 + length,
          errno === 0 ? 0 : -errno,
          unique,
        ]);
      }),
    );
  });

  it('carry handles, flags and backing ids', () => {
    const open = encodeOpen(2 ** 40 + 5, 0x82, 17);
    expect([open.readBigUInt64LE(0), open.readUInt32LE(8), open.readInt32LE(12), open.length]).toEqual([2n ** 40n + 5n, 0x82, 17, 16]);
  });

  it('split the flags of INIT in two words', () => {
    const init = encodeInit({
      major: 7,
      minor: 45,
      maxReadahead: 1,
      flags: (1n << 37n) | (1n << 30n) | 1n,
      maxBackground: 64,
      congestionThreshold: 48,
      maxWrite: 4096,
      maxPages: 256,
      timeGranularity: 1,
      maxStackDepth: 1,
    });
    expect(init.length).toBe(64);
    expect([init.readUInt32LE(12), init.readUInt32LE(32)]).toEqual([2 ** 30 + 1, 1 << 5]);
    expect([
      init.readUInt16LE(16),
      init.readUInt16LE(18),
      init.readUInt32LE(20),
      init.readUInt32LE(24),
      init.readUInt16LE(28),
      init.readUInt32LE(36),
    ]).toEqual([64, 48, 4096, 1, 256, 1]);
  });

  it('carry file system statistics', () => {
    const bytes = encodeStatistics({ blockSize: 4096, blocks: 2 ** 38, freeBlocks: 5, files: 7, freeFiles: 6, nameLength: 255 });
    expect(bytes.length).toBe(80);
    expect([0, 8, 16, 24, 32].map((at) => Number(bytes.readBigUInt64LE(at)))).toEqual([2 ** 38, 5, 5, 7, 6]);
    expect([40, 44, 48].map((at) => bytes.readUInt32LE(at))).toEqual([4096, 255, 4096]);
  });
});

describe('notifications', () => {
  it('name the inode and the whole range', () => {
    const message = encodeInvalidateInode(2 ** 45 + 3);
    expect([message.readUInt32LE(0), message.readInt32LE(4), message.readBigUInt64LE(8)]).toEqual([40, 2, 0n]);
    expect([message.readBigUInt64LE(16), message.readBigInt64LE(24), message.readBigInt64LE(32)]).toEqual([2n ** 45n + 3n, 0n, 0n]);
  });

  it('name the entry with its length in bytes', () => {
    const message = encodeInvalidateEntry(1, 'größe');
    expect([message.readUInt32LE(0), message.readInt32LE(4)]).toEqual([message.length, 3]);
    expect([message.readBigUInt64LE(16), message.readUInt32LE(24)]).toEqual([1n, 7]);
    expect(message.subarray(32).toString()).toBe('größe\0');
  });
});
