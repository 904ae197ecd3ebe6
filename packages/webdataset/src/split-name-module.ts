import { reasonOf } from './errors.ts';
import type { SplitName } from './sample.ts';

/**
 * Loads a rule of names from a module: functions cannot be sent to worker threads, a module's address can.
 *
 * @param url address of a module (`new URL('./names.ts', import.meta.url).href`) whose default export is a {@link SplitName}
 * @throws TypeError when it cannot be imported, or its default export is no function
 */
export async function loadSplitName(url: string): Promise<SplitName> {
  const module = await importModule(url);
  if (typeof module.default !== 'function') {
    throw new TypeError(`the default export of ${url} must be a function (memberName) => {key, field} or undefined`);
  }
  return module.default;
}

async function importModule(url: string): Promise<{ readonly default?: SplitName }> {
  try {
    return (await import(url)) as { readonly default?: SplitName };
  } catch (cause) {
    throw new TypeError(`cannot import the rule of names ${url}: ${reasonOf(cause)}`, { cause });
  }
}
