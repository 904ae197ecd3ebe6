import { Argument, InvalidArgumentError, Option } from 'commander';

/** `SPEC…` */
export function specArgument(): Argument {
  return new Argument('<spec...>', 'shards: files, folders, globs, URLs, or braces such as "shard-{000..099}.tar"');
}

/** `--json` */
export function jsonOption(what: string): Option {
  return new Option('--json', what);
}

/** `--out DIR` */
export function outOption(): Option {
  return new Option('-o, --out <dir>', 'folder for the shards; made if it is missing').makeOptionMandatory();
}

/** `--max-count N` */
export function maxCountOption(): Option {
  return new Option('--max-count <n>', 'samples in a shard at most').argParser(positiveInteger).default(100_000);
}

/** `--max-size SIZE` */
export function maxSizeOption(): Option {
  return new Option('--max-size <size>', 'bytes in a shard at most, such as 500MiB or 1GiB').argParser(size).default(2 ** 30, '1GiB');
}

/** `--pattern NAME` */
export function patternOption(): Option {
  return new Option('--pattern <name>', 'names of the shards; .tar.gz or .tar.zst at the end compresses them')
    .argParser(pattern)
    .default('shard-%06d.tar');
}

/** `--force` */
export function forceOption(): Option {
  return new Option('--force', 'replace the shards that are in the output folder');
}

/** `--jobs N` */
export function jobsOption(): Option {
  return new Option('-j, --jobs <n>', 'shards worked on at the same time').argParser(positiveInteger).default(4);
}

/** A whole number of at least 1 from the command line. */
export function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Expected a whole number of at least 1.');
  return Number(text);
}

/** A whole number from the command line, for seeds. */
export function seed(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 0xffff_ffff) throw new InvalidArgumentError('Expected a whole number from 0 to 4294967295.');
  return value;
}

const UNITS = ['b', 'k', 'm', 'g', 't'];

/** Bytes of a size from the command line. Units are binary with and without the "i", as everywhere in this project. */
export function size(text: string): number {
  const { digits = '', unit = 'b' } = /^(?<digits>\d+(?:\.\d+)?)\s*(?:(?<unit>[kmgt])(?:i?b)?|b)?$/i.exec(text)?.groups ?? {};
  const bytes = Math.floor(Number(digits) * 1024 ** UNITS.indexOf(unit.toLowerCase()));
  if (digits === '' || bytes < 1) throw new InvalidArgumentError('Expected a size such as 500MiB or 1GiB.');
  return bytes;
}

/** A file name with one number in it. */
function pattern(text: string): string {
  if (text.split(/%0?\d*d/).length !== 2 || text.includes('/') || text.startsWith('.')) {
    throw new InvalidArgumentError('Expected a file name with one %d or %06d, such as train-%06d.tar.');
  }
  if (!/\.(tar|tgz|tar\.gz|tar\.zst)$/.test(text))
    throw new InvalidArgumentError('Expected a name that ends in .tar, .tar.gz, .tgz or .tar.zst.');
  return text;
}
