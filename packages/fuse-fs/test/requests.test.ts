import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Opcode } from '../src/protocol/constants.ts';
import { ProtocolError } from '../src/protocol/protocol-error.ts';
import { decodeRequest } from '../src/protocol/requests.ts';
import { encodeRequest, packed } from './fixtures/encode-request.ts';

const safe = fc.maxSafeNat();
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

describe('decodeRequest', () => {
  it('reads back every header field', () => {
    fc.assert(
      fc.property(u64, safe, u32, u32, u32, (unique, inode, uid, gid, pid) => {
        const bytes = encodeRequest('statfs', Buffer.alloc(0), { unique, inode: BigInt(inode), uid, gid, pid });
        expect(decodeRequest(bytes)).toEqual({ operation: 'statfs', unique, inode, uid, gid, pid });
      }),
    );
  });

  it('reads names of any text, and tells names that are no text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const name = text.replaceAll('\0', '');
        expect(decodeRequest(encodeRequest('lookup', Buffer.from(`${name}\0`)))).toMatchObject({ operation: 'lookup', name });
      }),
    );
    const notText = decodeRequest(encodeRequest('lookup', Buffer.from([0x61, 0xff, 0])));
    expect(notText).toMatchObject({ operation: 'lookup', name: undefined });
  });

  it('reads the arguments of reads and listings', () => {
    fc.assert(
      fc.property(fc.constantFrom('read', 'readdir', 'readdirplus'), safe, safe, u32, (operation, handle, offset, size) => {
        const body = packed([64, handle], [64, offset], [32, size], [32, 0], [64, 0], [32, 0], [32, 0]);
        expect(decodeRequest(encodeRequest(operation, body))).toMatchObject({ operation, handle, offset, size });
      }),
    );
  });

  it('takes an offset beyond all files for the greatest there is', () => {
    const body = packed([64, 1], [64, 2n ** 63n - 1n], [32, 10], [32, 0], [64, 0], [32, 0], [32, 0]);
    expect(decodeRequest(encodeRequest('read', body))).toMatchObject({ offset: Number.MAX_SAFE_INTEGER });
  });

  it('reads open, release and interrupt', () => {
    expect(decodeRequest(encodeRequest('open', packed([32, 0o100001], [32, 0])))).toMatchObject({ operation: 'open', flags: 0o100001 });
    const release = packed([64, 77], [32, 0], [32, 0], [64, 0]);
    expect(decodeRequest(encodeRequest('releasedir', release))).toMatchObject({ operation: 'releasedir', handle: 77 });
    expect(decodeRequest(encodeRequest('interrupt', packed([64, 2n ** 63n])))).toMatchObject({ target: 2n ** 63n });
  });

  it('reads one and many forgets alike', () => {
    const one = decodeRequest(encodeRequest('forget', packed([64, 3]), { inode: 9n }));
    expect(one).toMatchObject({ operation: 'forget', forgets: [{ inode: 9, count: 3 }] });
    fc.assert(
      fc.property(fc.array(fc.record({ inode: safe, count: safe }), { maxLength: 50 }), (forgets) => {
        const fields = forgets.flatMap(({ inode, count }) => [[64, inode] as const, [64, count] as const]);
        const body = packed([32, forgets.length], [32, 0], ...fields);
        expect(decodeRequest(encodeRequest('batch_forget', body, { inode: 0n }))).toMatchObject({ forgets });
      }),
    );
  });

  it('reads INIT of kernels with and without the second word of flags', () => {
    const old = packed([32, 7], [32, 31], [32, 131072], [32, 0xf1ff_fffb]);
    expect(decodeRequest(encodeRequest('init', old))).toMatchObject({ major: 7, minor: 31, maxReadahead: 131072, flags: 0xf1ff_fffbn });
    const extended = Buffer.concat([packed([32, 7], [32, 45], [32, 1], [32, 0x73ff_fffb], [32, 0x5fd]), Buffer.alloc(44)]);
    expect(decodeRequest(encodeRequest('init', extended))).toMatchObject({ flags: (0x5fdn << 32n) | 0x73ff_fffbn });
  });

  it('names operations that came later than this codec', () => {
    expect(decodeRequest(encodeRequest(4095, Buffer.alloc(8)))).toMatchObject({ operation: 'unknown' });
  });

  it('throws nothing but ProtocolError, whatever the bytes', () => {
    const opcodes = fc.constantFrom(...Object.values(Opcode), 0, 7, 4096);
    const arbitrary = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.tuple(opcodes, fc.uint8Array({ maxLength: 120 }), u64).map(([opcode, body, inode]) => encodeRequest(opcode, body, { inode })),
    );
    fc.assert(
      fc.property(arbitrary, (bytes) => {
        try {
          decodeRequest(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('names the request that it can not read, so that it can be refused', () => {
    const short = encodeRequest('read', Buffer.alloc(4), { unique: 12n });
    expect(() => decodeRequest(short)).toThrow(expect.objectContaining({ code: 'FUSE_PROTOCOL', unique: 12n }));
    const lying = encodeRequest('batch_forget', packed([32, 2 ** 32 - 1], [32, 0]), { unique: 14n });
    expect(() => decodeRequest(lying)).toThrow(expect.objectContaining({ unique: 14n }));
    expect(() => decodeRequest(Buffer.alloc(12))).toThrow(expect.objectContaining({ unique: undefined }));
  });
});
