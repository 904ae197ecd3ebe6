import { StringDecoder } from 'node:string_decoder';

/** A line longer than this is passed on in pieces, so that an endless one needs no endless memory. */
const LONGEST_LINE = 8_192;

/** Cuts what a program prints into lines. A lone carriage return, by which progress bars write over themselves, ends a line too. */
export class OutputLines {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** Takes the next bytes. */
  push(bytes: Buffer): void {
    const parts = (this.#rest + this.#decoder.write(bytes)).split(/\r?\n|\r(?!$)/);
    this.#rest = parts.pop() ?? '';
    for (const part of parts) this.#pass(part);
    while (this.#rest.length > LONGEST_LINE) {
      this.#pass(this.#rest.slice(0, LONGEST_LINE));
      this.#rest = this.#rest.slice(LONGEST_LINE);
    }
  }

  /** Passes on what came after the last line break. */
  end(): void {
    const rest = (this.#rest + this.#decoder.end()).replace(/\r$/, '');
    this.#rest = '';
    if (rest !== '') this.#pass(rest);
  }

  #pass(line: string): void {
    for (let start = 0; start === 0 || start < line.length; start += LONGEST_LINE) this.#onLine(line.slice(start, start + LONGEST_LINE));
  }
}
