import { isList, parseJson, type Json } from '../arm/json.ts';
import { textOf } from './arguments.ts';
import type { TemplateFunction } from './functions.ts';
import { templateGuid, templateUniqueString } from './template-guid.ts';

/** A limit of this double, so that no expression can ask for all memory. */
const MAX_PADDED = 10_000;

/** Functions of strings: https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-string. */
export const STRING_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  concat: (args) => {
    args.count(1, Infinity);
    return isList(args.value(0)) ? args.all.flatMap((_, index) => args.list(index)) : args.all.map(textOf).join('');
  },
  format: (args) => {
    const values = args.count(1, Infinity).all.slice(1);
    return args.string(0).replace(/\{\{|\}\}|\{(\d+)\}/g, (match, index?: string) => {
      if (index === undefined) return match.charAt(0);
      const value = values[Number(index)];
      if (value === undefined) throw args.error(`the format string refers to argument {${index}}, which is not given`);
      return textOf(value);
    });
  },
  guid: (args) => templateGuid(args.count(1, Infinity).strings()),
  uniquestring: (args) => templateUniqueString(args.count(1, Infinity).strings()),
  tolower: (args) => args.count(1).string(0).toLowerCase(),
  toupper: (args) => args.count(1).string(0).toUpperCase(),
  trim: (args) => args.count(1).string(0).trim(),
  replace: (args) => args.count(3).string(0).replaceAll(args.string(1), args.string(2)),
  split: (args) => {
    const separators = isList(args.count(2).value(1)) ? args.list(1).map(textOf) : [args.string(1)];
    return separators.reduce<readonly string[]>((parts, separator) => parts.flatMap((part) => part.split(separator)), [args.string(0)]);
  },
  join: (args) => args.count(2).list(0).map(textOf).join(args.string(1)),
  substring: (args) => {
    const text = args.count(2, 3).string(0);
    const start = args.integer(1);
    const length = args.has(2) ? args.integer(2) : text.length - start;
    if (start < 0 || length < 0 || start + length > text.length) {
      throw args.error(
        `the index and length parameters must refer to a location within the string; the string has ${text.length} characters`,
      );
    }
    return text.slice(start, start + length);
  },
  startswith: (args) => args.count(2).string(0).toLowerCase().startsWith(args.string(1).toLowerCase()),
  endswith: (args) => args.count(2).string(0).toLowerCase().endsWith(args.string(1).toLowerCase()),
  padleft: (args) => {
    const text = textOf(args.count(2, 3).value(0));
    if (args.integer(1) > MAX_PADDED) throw args.error(`the total length must not exceed ${MAX_PADDED}`);
    return text.padStart(args.integer(1), args.has(2) ? args.string(2) : ' ');
  },
  base64: (args) => Buffer.from(args.count(1).string(0), 'utf8').toString('base64'),
  base64tostring: (args) => Buffer.from(args.count(1).string(0), 'base64').toString('utf8'),
  base64tojson: (args) => json(Buffer.from(args.count(1).string(0), 'base64').toString('utf8'), (reason) => args.error(reason)),
  uricomponent: (args) => encodeURIComponent(args.count(1).string(0).toWellFormed()),
  uricomponenttostring: (args) => {
    try {
      return decodeURIComponent(args.count(1).string(0));
    } catch (cause) {
      if (cause instanceof URIError) throw args.error('the argument is not a valid URI component');
      throw cause;
    }
  },
  json: (args) => json(args.count(1).string(0), (reason) => args.error(reason)),
  string: (args) => {
    const value = args.count(1).value(0);
    return typeof value === 'object' && value !== null ? JSON.stringify(value) : textOf(value);
  },
};

function json(text: string, error: (reason: string) => Error): Json {
  try {
    return parseJson(text);
  } catch (cause) {
    if (cause instanceof SyntaxError) throw error(`the argument is not valid JSON: ${cause.message}`);
    throw cause;
  }
}
