import { z } from 'zod';

/**
 * The safetensors format (github.com/huggingface/safetensors): 8 bytes length of the header, the header as JSON, then the tensors.
 * The header gives type, shape and place of each tensor, and text under `__metadata__`. Only float32 is written and read here.
 */

/** A named piece of the data. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface TensorFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly NamedTensor[];
}

const LENGTH_BYTES = 8;
/** The data begins at a multiple of this, so that it can be used in place. */
const ALIGNMENT = 8;
/** The limit of the reference implementation. */
const MAXIMUM_HEADER_BYTES = 100_000_000;

const HEADER = z.object({ __metadata__: z.record(z.string(), z.string()).optional() }).catchall(z.unknown());
const SIZE = z.int().min(0);
const TENSOR = z.object({ dtype: z.literal('F32'), shape: z.array(SIZE), data_offsets: z.tuple([SIZE, SIZE]) });

/** The bytes of a file. */
export function encodeTensors({ metadata, tensors }: TensorFile): Buffer {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const { name, shape, data } of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, (end += data.byteLength)] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const padding = (ALIGNMENT - ((LENGTH_BYTES + text.length) % ALIGNMENT)) % ALIGNMENT;
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(text.length + padding));
  const parts = tensors.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return Buffer.concat([length, text, Buffer.alloc(padding, ' '), ...parts]);
}

/** Reads what `encodeTensors` wrote. Throws an Error that says what is wrong with the bytes. */
export function decodeTensors(bytes: Uint8Array): TensorFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < LENGTH_BYTES) throw new Error('the file is shorter than its header');
  const headerLength = Number(view.getBigUint64(0, true));
  const start = LENGTH_BYTES + headerLength;
  if (headerLength > MAXIMUM_HEADER_BYTES || start > bytes.length)
    throw new Error('the file is shorter than its header, or no safetensors file');
  const header = HEADER.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(LENGTH_BYTES, start))));
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors = Object.entries(entries).map(([name, entry]) => {
    const { shape, data_offsets } = TENSOR.parse(entry);
    const [from, to] = data_offsets;
    const elements = shape.reduce((product, size) => product * size, 1);
    if (to - from !== elements * Float32Array.BYTES_PER_ELEMENT || start + to > bytes.length)
      throw new Error(`the tensor ${name} does not fit its place`);
    // Copied, because its place in the file need not suit a Float32Array.
    const data = new Float32Array(elements);
    new Uint8Array(data.buffer).set(bytes.subarray(start + from, start + to));
    return { name, shape, data };
  });
  return { metadata, tensors };
}
