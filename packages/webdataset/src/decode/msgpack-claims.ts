import { DecodeFault } from './decode-fault.ts';

/** Bytes of the length that follows the first byte, for the types that have one. */
const LENGTH_BYTES = new Map([
  ...lengths([0xc4, 0xc5, 0xc6]), // bin
  ...lengths([0xc7, 0xc8, 0xc9]), // ext
  ...lengths([0xd9, 0xda, 0xdb]), // str
  [0xdc, 2], // array
  [0xdd, 4],
  [0xde, 2], // map
  [0xdf, 4],
]);

/** Bytes that follow the first byte, for the types of a fixed size; all others have none. */
const FIXED_BYTES = new Map([
  ...[0xca, 0xce, 0xd2].map((type) => [type, 4] as const), // float 32, uint 32, int 32
  ...[0xcb, 0xcf, 0xd3].map((type) => [type, 8] as const),
  ...[0xcc, 0xd0].map((type) => [type, 1] as const),
  ...[0xcd, 0xd1].map((type) => [type, 2] as const),
  ...[1, 2, 4, 8, 16].map((size, index) => [0xd4 + index, 1 + size] as const), // fixext, with its type
]);

/**
 * Refuses MessagePack whose arrays and maps claim more elements than there are bytes left, all open ones taken together. A decoder
 * makes room for what an array claims, and a few kilobytes of nested claims would take all memory.
 *
 * @throws {@link DecodeFault}
 */
export function checkMsgpackClaims(bytes: Buffer): void {
  // Values that must still come. Each takes a byte at least.
  let owed = 1;
  for (let at = 0; owed > 0;) {
    if (owed > bytes.length - at) throw new DecodeFault(`it promises ${owed} more values than its last ${bytes.length - at} bytes hold`);
    const type = bytes[at] ?? 0;
    const lengthBytes = LENGTH_BYTES.get(type) ?? 0;
    if (at + 1 + lengthBytes > bytes.length) throw new DecodeFault('it ends inside a length');
    const length = lengthBytes === 0 ? 0 : bytes.readUIntBE(at + 1, lengthBytes);
    at += 1 + lengthBytes;
    owed--;
    if (type >= 0xdc && type <= 0xdd) owed += length;
    else if (type >= 0xde && type <= 0xdf) owed += 2 * length;
    else if (type >= 0x80 && type <= 0x8f) owed += 2 * (type & 0x0f);
    else if (type >= 0x90 && type <= 0x9f) owed += type & 0x0f;
    else if (type >= 0xa0 && type <= 0xbf) at += type & 0x1f;
    else at += length + (FIXED_BYTES.get(type) ?? (type >= 0xc7 && type <= 0xc9 ? 1 : 0));
  }
}

function lengths(types: readonly [number, number, number]): [number, number][] {
  return [
    [types[0], 1],
    [types[1], 2],
    [types[2], 4],
  ];
}
