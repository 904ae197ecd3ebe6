/**
 * The text of an index: the format of NVIDIA DALI's `wds2idx` (tools/wds2idx.py), v1.2, and v1.1 without member names.
 *
 *     v1.2 2
 *     cls 512 1 0001.cls jpg 1536 7340 0001.jpg
 *     cls 9728 1 0002.cls jpg 10752 6911 0002.jpg
 *
 * The first line tells the version and the number of samples; every further one is a sample, its components in the order of the archive,
 * each as extension, offset of the data, size and (v1.2) member name. Blanks separate, so no name may contain one.
 *
 * `wds2idx` takes some members for samples that Python webdataset passes over (names without a dot, `__meta__`). Where names are
 * told, the samples are therefore grouped anew when an index is read, so that an index never counts other samples than a reader finds.
 */
import { WebDatasetError } from '../errors.ts';
import { type SplitName, splitMemberName } from '../sample.ts';
import { BLOCK_SIZE, blocks } from '../tar/header.ts';
import type { TarMember } from '../tar/member.ts';
import { IndexBuilder } from './index-builder.ts';
import type { DuplicateField, IndexedField, IndexedSample, ShardIndex } from './shard-index.ts';

/** How to read an index. */
export interface ParseIndexOptions {
  /** What messages call it. Default `<index>`. */
  readonly name?: string | undefined;
  /** Which members make up which sample. Default: the rule of Python webdataset. Format v1.1 has the samples of its lines. */
  readonly splitName?: SplitName | undefined;
}

/** One component of a line. */
interface Component extends IndexedField {
  /** As it is written: up to the case, the field. */
  readonly extension: string;
}

/**
 * Reads the text of an index, strictly: what does not follow the format to the letter is not guessed at.
 *
 * @throws {@link WebDatasetError} `WDS_BAD_INDEX`, with the number of the line
 */
export function parseIndex(text: string, options: ParseIndexOptions = {}): ShardIndex {
  const { name = '<index>', splitName = splitMemberName } = options;
  const lines = text.split('\n');
  if (lines.pop() !== '') throw fault(name, lines.length + 1, 'the file ends inside a line: it was cut off');
  const { version, count } = parseFirstLine(lines[0] ?? '', name);
  if (lines.length - 1 !== count) throw fault(name, 1, `${count} samples are announced, but ${lines.length - 1} follow`);
  const components = new ComponentReader(name, version === 2, splitName === splitMemberName);
  if (version === 1) return { samples: lines.slice(1).map((line, index) => lineSample(components.read(line, index + 2))) };
  const builder = new IndexBuilder(name, splitName);
  for (const [index, line] of lines.entries()) {
    if (index > 0) for (const component of components.read(line, index + 1)) builder.push(asMember(component));
  }
  return builder.finish();
}

/** How long an index is, and its ends. */
export interface IndexOutline {
  /** Number of samples. */
  readonly samples: number;
  /** The first and the last of them. */
  readonly ends: ShardIndex;
}

/**
 * Counts the samples of an index that {@link formatIndex} has written, where each line is one: without making an object of every
 * field, which is felt where there are many shards.
 *
 * @throws {@link WebDatasetError} `WDS_BAD_INDEX`, for what the first line, the last one and the number of lines show
 */
export function outlineIndex(text: string, options: ParseIndexOptions = {}): IndexOutline {
  const { name = '<index>' } = options;
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  const [first = '', second = ''] = text.split('\n', 2);
  const { version, count } = parseFirstLine(first, name);
  if (lines - 1 !== count) throw fault(name, 1, `${count} samples are announced, but ${lines - 1} follow`);
  const last = text.slice(text.lastIndexOf('\n', text.length - 2) + 1);
  const ends = count === 0 ? [] : [`${second}\n`, ...(count === 1 ? [] : [last])];
  // Each by itself: with the same key they would be one sample.
  return { samples: count, ends: { samples: ends.flatMap((line) => parseIndex(`v1.${version} 1\n${line}`, options).samples) } };
}

function parseFirstLine(line: string, name: string): { readonly version: 1 | 2; readonly count: number } {
  const [, version, count] = /^v1\.([12]) (\d{1,15})$/.exec(line) ?? [];
  if (version === undefined) throw fault(name, 1, 'an index starts with "v1.2", a blank and the number of samples (v1.1 is read, too)');
  return { version: version === '1' ? 1 : 2, count: Number(count) };
}

/** Reads lines in their order, and sees to it that offsets only grow. */
class ComponentReader {
  readonly #name: string;
  readonly #hasNames: boolean;
  readonly #hasBases: boolean;
  /** Where the data of the last component ends, in whole blocks. */
  #end = 0;

  /**
   * @param name of the index
   * @param hasNames true in v1.2
   * @param hasBases true when names in a line are equal up to their extensions, as they are by the rule of Python webdataset
   */
  constructor(name: string, hasNames: boolean, hasBases: boolean) {
    this.#name = name;
    this.#hasNames = hasNames;
    this.#hasBases = hasBases;
  }

  read(line: string, number: number): Component[] {
    const words = line.split(' ');
    const width = this.#hasNames ? 4 : 3;
    const parts = this.#hasNames ? 'extension, offset, size and name' : 'extension, offset and size';
    if (words.length % width !== 0 || words.includes('')) {
      throw fault(this.#name, number, `a sample is made of ${parts}, with one blank between them (names must not contain any)`);
    }
    const components: Component[] = [];
    for (let at = 0; at < words.length; at += width) {
      const [extension = '', name] = [words[at], words[at + 3]];
      const component = {
        extension,
        offset: this.#number(words[at + 1] ?? '', number),
        size: this.#number(words[at + 2] ?? '', number),
        name: this.#hasNames ? name : undefined,
      };
      this.#check(component, components[0], number);
      components.push(component);
    }
    return components;
  }

  #number(word: string, line: number): number {
    const value = Number(word);
    if (!/^\d+$/.test(word) || !Number.isSafeInteger(value)) throw fault(this.#name, line, `"${word}" is no number of bytes`);
    return value;
  }

  #check({ extension, offset, size, name }: Component, first: Component | undefined, line: number): void {
    if (offset % BLOCK_SIZE !== 0 || offset < this.#end + BLOCK_SIZE) {
      throw fault(
        this.#name,
        line,
        `offset ${offset} is not where data can start: a multiple of 512, with a header after what comes before`,
      );
    }
    if (!Number.isSafeInteger(offset + blocks(size))) throw fault(this.#name, line, `size ${size} is out of range`);
    if (name !== undefined && extension !== extensionOf(name)) {
      throw fault(this.#name, line, `"${extension}" is not the extension of "${name}"`);
    }
    if (this.#hasBases && first !== undefined && baseOf(first) !== baseOf({ extension, name })) {
      throw fault(this.#name, line, 'the names in a line differ in more than their extensions');
    }
    this.#end = offset + blocks(size);
  }
}

/** A line of v1.1 is a sample. */
function lineSample(components: readonly Component[]): IndexedSample {
  const fields = new Map<string, IndexedField>();
  const duplicates: DuplicateField[] = [];
  for (const { extension, offset, size } of components) {
    const field = extension.toLowerCase();
    if (fields.has(field)) duplicates.push({ field, offset, size });
    else fields.set(field, { offset, size });
  }
  return duplicates.length === 0 ? { fields } : { fields, duplicates };
}

function asMember({ name = '', offset, size }: Component): TarMember {
  return { name, offset, size, type: 'file', headerOffset: offset - BLOCK_SIZE, mode: 0, mtime: 0, linkName: '' };
}

/** What `wds2idx` takes for the extension: all after the first dot of the base name, and the whole name where there is none. */
function extensionOf(name: string): string {
  return name.slice(name.indexOf('.', name.lastIndexOf('/') + 1) + 1);
}

function baseOf({ extension, name = extension }: Pick<Component, 'extension' | 'name'>): string {
  return name.slice(0, name.length - extension.length);
}

/** What separates words for the readers of the format. */
const BLANK = /[ \t\n\v\f\r]/;

/** True for a member name that an index in format v1.2 can hold: without blanks, and with something after its dot. */
export function isIndexable(name: string): boolean {
  return name !== '' && !BLANK.test(name) && extensionOf(name) !== '';
}

/**
 * The text of an index: v1.2, exactly as `wds2idx` writes it; v1.1 for an index that has no names.
 *
 * @throws {@link WebDatasetError} `WDS_BAD_INDEX` for names that the format cannot hold
 */
export function formatIndex({ samples }: ShardIndex): string {
  const isNamed = samples.every(({ fields }) => [...fields.values()].every(({ name }) => name !== undefined));
  const lines = samples.map(({ key, fields, duplicates = [] }) =>
    [...[...fields].map(([field, place]): DuplicateField => ({ field, ...place })), ...duplicates]
      .sort((one, other) => one.offset - other.offset)
      .map((component) => (isNamed ? namedComponent(component, key) : namelessComponent(component, key)))
      .join(' '),
  );
  return [`v1.${isNamed ? 2 : 1} ${samples.length}`, ...lines, ''].join('\n');
}

function namedComponent({ offset, size, name = '' }: DuplicateField, key: string | undefined): string {
  if (!isIndexable(name)) throw refusal(`"${name}" has a blank in its name or nothing after its dot`, key);
  return `${extensionOf(name)} ${offset} ${size} ${name}`;
}

function namelessComponent({ field, offset, size }: DuplicateField, key: string | undefined): string {
  if (field === '' || BLANK.test(field)) throw refusal(`the extension "${field}" is empty or has a blank`, key);
  return `${field} ${offset} ${size}`;
}

function refusal(what: string, key: string | undefined): WebDatasetError {
  return new WebDatasetError('WDS_BAD_INDEX', `${what}, which the index format cannot hold; pack the shard again with other names`, {
    key,
  });
}

function fault(name: string, line: number, reason: string): WebDatasetError {
  return new WebDatasetError('WDS_BAD_INDEX', `line ${line}: ${reason}; remove the index, or make it anew`, { shard: name });
}
