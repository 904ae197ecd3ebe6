import { reasonOf } from '../errors.ts';
import type { ModuleDecoder } from './decoders.ts';

/**
 * Imports the module of a decoder.
 *
 * @throws TypeError when it cannot be imported, or its default export is no function
 */
export async function importDecoder(url: string): Promise<ModuleDecoder<unknown>> {
  let module: unknown;
  try {
    module = await import(url);
  } catch (cause) {
    throw new TypeError(`cannot import the decoder ${url}: ${reasonOf(cause)}`, { cause });
  }
  const decoder: unknown = typeof module === 'object' && module !== null ? Reflect.get(module, 'default') : undefined;
  if (!isDecoder(decoder)) throw new TypeError(`the default export of ${url} must be a function (bytes, context) => value`);
  return decoder;
}

function isDecoder(value: unknown): value is ModuleDecoder<unknown> {
  return typeof value === 'function';
}
