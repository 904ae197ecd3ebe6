/** What a JPEG's frame header says. */
export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** Colour components: 1 grey, 3 colour, 4 CMYK. */
  readonly components: number;
}

/** True for bytes that start as every JPEG does. */
export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/**
 * Finds the frame header (SOF0 to SOF15, ITU-T T.81 B.2.2) without decoding; undefined when there is none.
 */
export function readJpegHeader(bytes: Buffer): JpegHeader | undefined {
  if (!isJpeg(bytes)) return undefined;
  let at = 2;
  while (at + 9 < bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at++; // A fill byte.
    } else if (isFrame(marker)) {
      return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7), components: bytes[at + 9] ?? 0 };
    } else {
      at += 2 + bytes.readUInt16BE(at + 2);
    }
  }
  return undefined;
}

/** SOF0 to SOF15, without the tables that share their range: DHT (C4), JPG (C8), DAC (CC). */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}
