import { type Archive, paxRecord, repairChecksum, type Role } from './corpus.ts';
import type { Random } from './random.ts';

/** A broken archive, and what is known about it. */
export interface Mutant {
  readonly bytes: Buffer;
  /** What was done, to read. */
  readonly done: readonly string[];
  /** True when nothing was touched that a reader looks at: it must see the members of the original, with the bytes as they now are. */
  readonly isHarmless: boolean;
}

const BLOCK = 512;

/** Breaks an archive in one to four places. `other` is what it may be spliced with. */
export function mutate(archive: Archive, other: Archive, random: Random): Mutant {
  let bytes: Buffer = Buffer.from(archive.bytes);
  const done: string[] = [];
  let isHarmless = true;
  for (let count = 1 + random.below(4); count > 0; count--) {
    if (bytes.length === 0) break;
    const mutation = random.pick(MUTATIONS);
    const result = mutation(bytes, archive, random, other);
    bytes = result.bytes;
    done.push(result.what);
    isHarmless &&= result.isHarmless ?? false;
  }
  return { bytes, done, isHarmless };
}

interface Mutated {
  readonly bytes: Buffer;
  readonly what: string;
  readonly isHarmless?: boolean;
}

type Mutation = (bytes: Buffer, archive: Archive, random: Random, other: Archive) => Mutated;

const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  function flipBit(bytes, _archive, random) {
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    return { bytes, what: `flip a bit of byte ${at}` };
  },
  function changeHarmless(bytes, archive, random) {
    const region = regionOf(archive, random, random.pick<Role>(['data', 'ignored']));
    if (region === undefined || region.end > bytes.length) return { bytes, what: 'nothing', isHarmless: true };
    const at = region.start + random.below(region.end - region.start);
    bytes[at] = random.below(256);
    const header = headerAround(archive, at);
    if (header !== undefined && header + BLOCK <= bytes.length) repairChecksum(bytes, header);
    return { bytes, what: `set byte ${at}, which is ${region.role}`, isHarmless: true };
  },
  function truncate(bytes, _archive, random) {
    const length = random.once(2) ? random.below(bytes.length) : Math.floor(random.below(bytes.length) / BLOCK) * BLOCK;
    return { bytes: bytes.subarray(0, length), what: `cut to ${length} bytes` };
  },
  function splice(bytes, _archive, random, other) {
    const unit = random.pick([1, BLOCK]);
    const from = Math.floor(random.below(other.bytes.length) / unit) * unit;
    const to = Math.floor(random.below(bytes.length + 1) / unit) * unit;
    const piece = other.bytes.subarray(from, from + Math.ceil((1 + random.below(2000)) / unit) * unit);
    const skipped = random.once(2) ? piece.length : 0;
    return {
      bytes: Buffer.concat([bytes.subarray(0, to), piece, bytes.subarray(to + skipped)]),
      what: `splice ${piece.length} bytes of "${other.name}" in at ${to}`,
    };
  },
  function editHeader(bytes, archive, random) {
    const header = headerIn(bytes, archive, random);
    if (header === undefined) return { bytes, what: 'nothing', isHarmless: true };
    const at = header + random.below(BLOCK);
    bytes[at] = random.pick([0, 0x20, 0x2f, 0x2e, 0x37, 0x80, 0xff, random.below(256)]);
    repairChecksum(bytes, header);
    return { bytes, what: `set byte ${at - header} of the header at ${header}, checksum repaired` };
  },
  function editSize(bytes, archive, random) {
    const header = headerIn(bytes, archive, random);
    if (header === undefined) return { bytes, what: 'nothing', isHarmless: true };
    const size = random.pick([...SIZES, random.below(4096).toString(8).padStart(11, '0')]);
    bytes.write(size.padEnd(12, '\0'), header + 124, 'latin1');
    repairChecksum(bytes, header);
    return { bytes, what: `write the size ${JSON.stringify(size)} into the header at ${header}` };
  },
  function editType(bytes, archive, random) {
    const header = headerIn(bytes, archive, random);
    if (header === undefined) return { bytes, what: 'nothing', isHarmless: true };
    const type = random.pick(TYPES);
    bytes.write(type, header + 156, 'latin1');
    repairChecksum(bytes, header);
    return { bytes, what: `make the header at ${header} a "${type}"` };
  },
  function hole(bytes, _archive, random) {
    const start = random.once(2) ? random.below(bytes.length) : Math.floor(random.below(bytes.length) / BLOCK) * BLOCK;
    const end = Math.min(bytes.length, start + random.pick([1, 100, BLOCK, 4096]));
    bytes.fill(0, start, end);
    return { bytes, what: `make a hole from ${start} to ${end}` };
  },
  function copyBlock(bytes, _archive, random) {
    const count = Math.floor(bytes.length / BLOCK);
    if (count === 0) return { bytes, what: 'nothing', isHarmless: true };
    const from = random.below(count) * BLOCK;
    const to = random.below(count) * BLOCK;
    bytes.copy(bytes, to, from, from + BLOCK);
    return { bytes, what: `copy the block at ${from} to ${to}` };
  },
  function replacePaxBody(bytes, archive, random) {
    const region = regionOf(archive, random, 'extension');
    if (region === undefined || region.end > bytes.length) return { bytes, what: 'nothing', isHarmless: true };
    const body = paxBody(random);
    const room = Math.ceil((region.end - region.start) / BLOCK) * BLOCK;
    const header = region.start - BLOCK;
    bytes.fill(0, region.start, Math.min(region.start + room, bytes.length));
    body.copy(bytes, region.start, 0, room);
    bytes.write(`${Math.min(body.length, room).toString(8).padStart(11, '0')}\0`, header + 124, 'latin1');
    repairChecksum(bytes, header);
    return { bytes, what: `write other records into the extension at ${region.start}` };
  },
  function grow(bytes, _archive, random) {
    return {
      bytes: Buffer.concat([bytes, random.once(2) ? Buffer.alloc(random.below(2000)) : random.bytes(random.below(600))]),
      what: 'append bytes',
    };
  },
];

/** Sizes that readers have stumbled over: none, the largest, negative, no number, base 256 small, huge, negative. */
const SIZES: readonly [string, ...string[]] = [
  '00000000000',
  '00000000001',
  '77777777777',
  '777777777777',
  '-0000000001',
  '0000000000x',
  '            ',
  '\x80\0\0\0\0\0\0\0\0\0\x02\x01',
  '\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff',
  '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\0',
];

const TYPES: readonly [string, ...string[]] = [
  '\0',
  '0',
  '1',
  '2',
  '3',
  '4',
  '5',
  '6',
  '7',
  'x',
  'g',
  'X',
  'L',
  'K',
  'S',
  'M',
  'D',
  'V',
  'N',
  'Z',
];

/** Records sound and unsound, up to a few blocks. */
function paxBody(random: Random): Buffer {
  const parts: Buffer[] = [];
  for (let count = random.below(4); count >= 0; count--) {
    const keyword = random.pick([
      'path',
      'linkpath',
      'size',
      'mtime',
      'comment',
      'GNU.sparse.major',
      'GNU.sparse.map',
      'Path',
      '',
      'path ',
    ]);
    const value = random.pick([
      '',
      '0',
      '1',
      '12',
      '1e3',
      '-5',
      'a/b.jpg',
      'ü.cls',
      '99999999999999999999',
      '9007199254740992',
      '1.5',
      'x=y',
      'two\nlines',
      '\0',
      ' 7',
    ]);
    const record = paxRecord(keyword, value);
    const kind = random.below(8);
    if (kind === 0) parts.push(record.subarray(0, random.below(record.length)));
    else if (kind === 1) parts.push(Buffer.concat([Buffer.from(String(random.below(200))), record.subarray(record.indexOf(' '))]));
    else if (kind === 2) parts.push(random.bytes(random.below(40)));
    else parts.push(record);
  }
  return Buffer.concat(parts);
}

function regionOf(archive: Archive, random: Random, role: Role): { start: number; end: number; role: Role } | undefined {
  const regions = archive.regions.filter((region) => region.role === role);
  return regions[random.below(regions.length)];
}

/** The header that a byte of the unbroken archive lies in. */
function headerAround(archive: Archive, at: number): number | undefined {
  return archive.headers.find((header) => header <= at && at < header + BLOCK);
}

function headerIn(bytes: Buffer, archive: Archive, random: Random): number | undefined {
  const header = archive.headers[random.below(archive.headers.length)];
  return header === undefined || header + BLOCK > bytes.length ? undefined : header;
}
