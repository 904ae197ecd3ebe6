/** Enough to see why a program failed, and no more than a screen. */
const KEPT_LINES = 30;

/** The last lines that a program printed. */
export class LogTail {
  readonly #lines: string[] = [];

  push(line: string): void {
    if (this.#lines.push(line) > KEPT_LINES) this.#lines.shift();
  }

  /** The lines as they stand below a message, indented; empty when nothing was printed. */
  get text(): string {
    return this.#lines.map((line) => `\n    ${line}`).join('');
  }
}
