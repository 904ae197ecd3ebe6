/** `@julusian/jpeg-turbo`: libjpeg-turbo, into a given buffer; 3 to 5 times as fast as sharp. */

/** Decodes a JPEG whose size is known from its header. */
export interface DirectDecoder {
  /**
   * Fills `target` with rows of pixels. Throws when the bytes are corrupt or of a kind that it cannot read (CMYK); it does not say
   * which.
   */
  decodeInto(bytes: Buffer, channels: 1 | 3, target: Buffer): void;
}

/** Loads the decoder; rejects when the package is not installed or has no binary for this machine. */
export async function loadJpegTurbo(): Promise<DirectDecoder> {
  const { default: turbo } = await import('@julusian/jpeg-turbo');
  const options = { 1: { format: turbo.FORMAT_GRAY }, 3: { format: turbo.FORMAT_RGB } };
  return {
    decodeInto: (bytes, channels, target) => {
      turbo.decompressSync(bytes, target, options[channels]);
    },
  };
}
