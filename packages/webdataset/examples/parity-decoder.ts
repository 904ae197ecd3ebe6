import type { ModuleDecoder } from '@warpforge/webdataset';

/** What the decoder gives. */
export type Parity = string;

/** Reads `{"number": 3}` as `3 is odd`, in words that the options say. */
const decode: ModuleDecoder<Parity> = (bytes, { options }) => {
  const { number } = JSON.parse(bytes.toString('utf8')) as { number: number };
  const { even = 'even', odd = 'odd' } = options as { even?: string; odd?: string };
  return `${number} is ${number % 2 === 0 ? even : odd}`;
};

export default decode;
