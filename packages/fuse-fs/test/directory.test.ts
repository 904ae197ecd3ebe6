import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Attributes } from '../src/file-system.ts';
import { DirectoryPacker, type PackedEntry } from '../src/protocol/directory.ts';

const entry = fc.record<PackedEntry>({
  name: fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }),
  kind: fc.constantFrom('file', 'directory'),
  inode: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  next: fc.maxSafeNat(),
});

/** Reads packed entries as the kernel does. */
function unpack(bytes: Buffer, plus: boolean): { entries: PackedEntry[]; nodeids: number[] } {
  const entries: PackedEntry[] = [];
  const nodeids: number[] = [];
  for (let at = 0; at < bytes.length;) {
    if (plus) nodeids.push(Number(bytes.readBigUInt64LE(at)));
    const dirent = at + (plus ? 128 : 0);
    const length = bytes.readUInt32LE(dirent + 16);
    entries.push({
      inode: Number(bytes.readBigUInt64LE(dirent)),
      next: Number(bytes.readBigUInt64LE(dirent + 8)),
      kind: bytes.readUInt32LE(dirent + 20) === 4 ? 'directory' : 'file',
      name: bytes.subarray(dirent + 24, dirent + 24 + length).toString(),
    });
    at += Math.ceil(((plus ? 128 : 0) + 24 + length) / 8) * 8;
  }
  return { entries, nodeids };
}

function attributesOf(inode: number): Attributes {
  return { inode, kind: 'file', permissions: 0o444, size: 1, modifiedMs: 0, uid: 0, gid: 0 };
}

describe('DirectoryPacker', () => {
  it('packs entries that the kernel reads back, as many as fit and no more', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 40 }), fc.integer({ min: 0, max: 4096 }), fc.boolean(), (entries, size, plus) => {
        const packer = new DirectoryPacker(size, plus);
        const added = entries.findIndex((item) => !packer.add(item, () => ({ attributes: attributesOf(item.inode), validMs: 1 })));
        const expected = added < 0 ? entries : entries.slice(0, added);
        const { entries: found, nodeids } = unpack(packer.bytes, plus);
        expect(found).toEqual(expected);
        if (plus) expect(nodeids).toEqual(expected.map(({ inode }) => inode));
        expect(packer.bytes.length).toBeLessThanOrEqual(size);
        const refused = added < 0 ? undefined : entries[added];
        if (refused !== undefined) {
          const needed = Math.ceil(((plus ? 128 : 0) + 24 + Buffer.byteLength(refused.name)) / 8) * 8;
          expect(packer.bytes.length + needed).toBeGreaterThan(size);
        }
      }),
    );
  });

  it('asks for attributes only of entries that fit', () => {
    const packer = new DirectoryPacker(200, true);
    const asked: string[] = [];
    for (const name of ['a', 'b']) {
      packer.add({ name, kind: 'file', inode: 5, next: 1 }, () => {
        asked.push(name);
        return { attributes: attributesOf(5), validMs: 1 };
      });
    }
    expect(asked).toEqual(['a']);
  });

  it('gives entries without attributes no inode, so that the kernel takes no reference', () => {
    const packer = new DirectoryPacker(4096, true);
    packer.add({ name: '.', kind: 'directory', inode: 7, next: 1 });
    const { entries, nodeids } = unpack(packer.bytes, true);
    expect([entries[0]?.inode, nodeids[0]]).toEqual([7, 0]);
  });
});
