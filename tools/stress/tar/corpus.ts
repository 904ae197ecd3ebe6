/**
 * Small sound archives of every format, made here byte by byte: by another hand than the library's writer, and with what that never
 * writes.
 */

/** What a byte of an archive is for, as far as a reader is concerned. */
export type Role =
  /** Data of a member. */
  | 'data'
  /** Fills the last block of a member; or header fields that say nothing about a sample, such as owner and time. */
  | 'ignored'
  | 'header'
  /** Body of a PAX or GNU header. */
  | 'extension'
  /** The end-of-archive marker and zeros after it. */
  | 'end';

/** A stretch of an archive. */
export interface Region {
  readonly role: Role;
  readonly start: number;
  readonly end: number;
}

/** A sound archive. */
export interface Archive {
  readonly name: string;
  readonly bytes: Buffer;
  readonly regions: readonly Region[];
  /** Where headers start. */
  readonly headers: readonly number[];
}

const BLOCK = 512;

interface Header {
  readonly name: string;
  readonly type?: string;
  readonly size?: number;
  readonly magic?: 'v7' | 'ustar' | 'gnu';
  readonly prefix?: string;
  readonly linkName?: string;
  /** The size in base 256, not octal. */
  readonly binarySize?: boolean;
}

/** Sets a header's checksum to what its bytes add up to. */
export function repairChecksum(bytes: Buffer, at: number): void {
  bytes.fill(' ', at + 148, at + 156);
  let sum = 0;
  for (let index = at; index < at + BLOCK; index++) sum += bytes[index] ?? 0;
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
}

/** Writes archives piece by piece, and remembers what is what. */
class ArchiveBuilder {
  readonly #pieces: Buffer[] = [];
  readonly #regions: Region[] = [];
  readonly #headers: number[] = [];
  #length = 0;

  header({ name, type = '0', size = 0, magic = 'ustar', prefix = '', linkName = '', binarySize = false }: Header): this {
    const block = Buffer.alloc(BLOCK);
    block.write(name, 0, 100);
    block.write('0000644\0', 100);
    block.write('0001750\0', 108);
    block.write('0001750\0', 116);
    if (binarySize) {
      block[124] = 0x80;
      block.writeUIntBE(size, 130, 6);
    } else block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
    block.write('14701234567\0', 136);
    block.write(magic === 'v7' && type === '0' ? '\0' : type, 156);
    block.write(linkName, 157, 100);
    if (magic === 'ustar') block.write('ustar\x0000user', 257);
    if (magic === 'gnu') block.write('ustar  \0user', 257);
    if (magic === 'ustar') block.write(prefix, 345, 155);
    repairChecksum(block, 0);
    this.#headers.push(this.#length);
    const at = this.#length;
    this.#push(block, 'header');
    // Mode, owner, group; time; names of them, devices.
    for (const [start, end] of [
      [100, 124],
      [136, 148],
      [265, 345],
    ] as const) {
      if (start !== 265 || magic === 'ustar') this.#regions.push({ role: 'ignored', start: at + start, end: at + end });
    }
    return this;
  }

  body(bytes: Buffer, role: Role): this {
    this.#push(bytes, role);
    const padding = Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK);
    // What follows a body is no part of it, whatever it says.
    this.#push(padding, 'ignored');
    return this;
  }

  file(name: string, data: Buffer, header: Omit<Header, 'name' | 'size'> = {}): this {
    return this.header({ ...header, name, size: data.length }).body(data, 'data');
  }

  pax(records: Readonly<Record<string, string>>, type = 'x'): this {
    const body = Buffer.concat(Object.entries(records).map(([keyword, value]) => paxRecord(keyword, value)));
    return this.header({ name: '././@PaxHeader', type, size: body.length }).body(body, 'extension');
  }

  gnu(type: 'L' | 'K', text: string): this {
    const body = Buffer.from(`${text}\0`);
    return this.header({ name: '././@LongLink', type, size: body.length, magic: 'gnu' }).body(body, 'extension');
  }

  build(name: string): Archive {
    this.#push(Buffer.alloc(2 * BLOCK), 'end');
    return { name, bytes: Buffer.concat(this.#pieces), regions: this.#regions, headers: this.#headers };
  }

  #push(bytes: Buffer, role: Role): void {
    if (bytes.length > 0) this.#regions.push({ role, start: this.#length, end: this.#length + bytes.length });
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }
}

/** A record, whose length counts its own digits. */
export function paxRecord(keyword: string, value: string): Buffer {
  const body = ` ${keyword}=${value}\n`;
  const length = Buffer.byteLength(body);
  let digits = String(length).length;
  while (String(length + digits).length > digits) digits++;
  return Buffer.from(`${length + digits}${body}`);
}

const jpg = (length: number): Buffer => Buffer.alloc(length, 'jpeg bytes ');
const LONG = `${'folder/'.repeat(20)}${'n'.repeat(60)}`;

/** The archives to break. */
export function corpus(): readonly [Archive, ...Archive[]] {
  return [
    new ArchiveBuilder()
      .file('0001.jpg', jpg(700))
      .file('0001.cls', Buffer.from('3'))
      .file('0002.jpg', jpg(512))
      .file('0002.cls', Buffer.from('4'))
      .build('ustar'),
    new ArchiveBuilder()
      .file('a.txt', jpg(5), { magic: 'v7' })
      .file('b.txt', Buffer.alloc(0), { magic: 'v7' })
      .header({ name: 'dir/', magic: 'v7' })
      .build('v7'),
    new ArchiveBuilder()
      .file('deep.seg.png', jpg(30), { prefix: 'some/long/prefix' })
      .file('deep.json', Buffer.from('{}'), { prefix: 'some/long/prefix' })
      .build('prefix'),
    // As Python writes it: a time with a fraction for each member.
    new ArchiveBuilder()
      .pax({ mtime: '1795289390.0337908' })
      .file('0001.jpg', jpg(600))
      .pax({ mtime: '1795289390.1' })
      .file('0001.cls', Buffer.from('7'))
      .build('pax times'),
    new ArchiveBuilder()
      .pax({ path: `${LONG}-ü漢.jpg`, size: '40', comment: 'x' })
      .file('short.jpg', jpg(40))
      .pax({ linkpath: LONG })
      .header({ name: 'link', type: '2', linkName: 'l' })
      .build('pax names'),
    new ArchiveBuilder()
      .pax({ mtime: '5', comment: 'all' }, 'g')
      .file('a.cls', Buffer.from('1'))
      .pax({ mtime: '' })
      .file('b.cls', Buffer.from('2'))
      .build('pax global'),
    new ArchiveBuilder()
      .gnu('L', `${LONG}.jpg`)
      .file(LONG.slice(0, 100), jpg(100), { magic: 'gnu' })
      .gnu('K', LONG)
      .header({ name: 'link', type: '2', magic: 'gnu' })
      .build('gnu names'),
    new ArchiveBuilder()
      .file('big.jpg', jpg(1000), { magic: 'gnu', binarySize: true })
      .file('big.cls', Buffer.from('1'), { magic: 'gnu' })
      .build('base 256'),
    new ArchiveBuilder()
      .header({ name: './', type: '5' })
      .header({ name: './dir/', type: '5' })
      .file('./dir/1.jpg', jpg(20))
      .file('./dir/1.cls', Buffer.from('1'))
      .header({ name: './dir/hard', type: '1', linkName: './dir/1.jpg' })
      .header({ name: 'null', type: '3' })
      .file('.hidden', jpg(3))
      .file('__meta__/x.json', Buffer.from('{}'))
      .build('packed folder'),
    new ArchiveBuilder().build('empty'),
  ];
}
