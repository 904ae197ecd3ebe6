/** How the bytes of a shard are compressed. */
export type Compression = 'gzip' | 'zstd' | 'xz' | 'bzip2';

/** As many first bytes as {@link compressionOf} needs. */
export const MAGIC_BYTES = 10;

/** First bytes (undefined: any byte); none of them can begin a tar, as the bare `BZh` of bzip2 could begin a member's name. */
const MAGICS: readonly { readonly name: Compression; readonly bytes: readonly (number | undefined)[] }[] = [
  { name: 'gzip', bytes: [0x1f, 0x8b, 0x08] },
  { name: 'zstd', bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  // A skippable frame, which parallel and seekable writers put first.
  { name: 'zstd', bytes: [0x50, 0x2a, 0x4d, 0x18] },
  { name: 'xz', bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
  { name: 'bzip2', bytes: [0x42, 0x5a, 0x68, undefined, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59] },
];

/** Recognises a compressed shard by its first bytes: names lie, as people rename shards and servers decompress them. */
export function compressionOf(bytes: Uint8Array): Compression | undefined {
  return MAGICS.find((magic) => magic.bytes.every((byte, index) => byte === undefined || bytes[index] === byte))?.name;
}
