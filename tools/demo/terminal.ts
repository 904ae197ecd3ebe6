import { styleText } from 'node:util';
import { Progress } from './progress.ts';

type Style = Parameters<typeof styleText>[0];

/** https://invisible-island.net/xterm/ctlseqs/ctlseqs.html, DECTCEM */
const SHOW_CURSOR = '\u001b[?25h';

/** Where people read: headings of numbered steps, details, tables and progress on one stream, in colour only on a terminal. */
export class Terminal {
  readonly #stream: NodeJS.WriteStream;
  readonly #now: () => number;
  #step = 0;
  #steps = 0;
  #title = '';
  #stepStartedMs = 0;
  #open = false;

  constructor(stream: NodeJS.WriteStream, now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#now = now;
  }

  /** Whether somebody watches who can see a bar move. */
  get isTTY(): boolean {
    return this.#stream.isTTY;
  }

  /** The stream's descriptor, for a child process that draws on it. */
  get fd(): number {
    return this.#stream === process.stdout ? 1 : 2;
  }

  /** The step that runs, for messages: `step 3 "Mount"`. */
  get currentStep(): string {
    return this.#step === 0 ? 'the start' : `step ${this.#step} "${this.#title}"`;
  }

  /** How many steps there will be. */
  planSteps(count: number): void {
    this.#steps = count;
  }

  /** Ends the step before, and begins the next one. */
  step(title: string): void {
    this.endStep();
    this.#step += 1;
    this.#title = title;
    this.#stepStartedMs = this.#now();
    this.#open = true;
    this.line();
    this.line(`${this.#style(['bold', 'cyan'], `==> ${this.#step}/${this.#steps}`)} ${this.#style('bold', title)}`);
  }

  /** Says how long the step took. */
  endStep(): void {
    if (!this.#open) return;
    this.#open = false;
    this.detail(this.#style('dim', `done in ${formatSeconds(this.#now() - this.#stepStartedMs)}`));
  }

  /** One line as it is. */
  line(text = ''): void {
    this.#stream.write(`${text}\n`);
  }

  /** One line below a step's heading. */
  detail(text: string): void {
    this.line(`    ${text}`);
  }

  note(text: string): void {
    this.detail(this.#style('yellow', text));
  }

  success(text: string): void {
    this.line(this.#style(['bold', 'green'], text));
  }

  failure(text: string): void {
    // A command that was killed while it drew a bar has left the cursor hidden.
    if (this.isTTY) this.#stream.write(SHOW_CURSOR);
    this.line(this.#style(['bold', 'red'], text));
  }

  /** Rows below each other, the first column to the left and the others to the right, under a heading. */
  table(heading: readonly string[], rows: readonly (readonly string[])[]): void {
    const widths = heading.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
    const align = (row: readonly string[]): string =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('   ')
        .trimEnd();
    this.detail(this.#style('bold', align(heading)));
    this.detail(this.#style('dim', widths.map((width) => '-'.repeat(width)).join('   ')));
    for (const row of rows) this.detail(align(row));
  }

  /** A bar on a terminal, a line at every quarter elsewhere. */
  progress(label: string, total: number, unit: string): Progress {
    return new Progress(this.#stream, label, total, unit);
  }

  #style(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#stream });
  }
}

/** `0.8 s`, `12.3 s`, `2 min 5 s`. */
export function formatSeconds(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  // 59.96 would be rounded to 60.0.
  return seconds < 59.95 ? `${seconds.toFixed(1)} s` : `${Math.floor(Math.round(seconds) / 60)} min ${Math.round(seconds) % 60} s`;
}

/** `8,000` */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `0 B`, `512 KiB`, `1.5 MiB`: at most one digit after the point. */
export function formatBytes(bytes: number): string {
  const power = Math.min(UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  const digits = power === 0 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[power] ?? ''}`;
}
