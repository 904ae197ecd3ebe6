import { SingleBar } from 'cli-progress';

/** Steps of the plain lines. */
const QUARTERS = 4;

/** How far one thing is: a bar that moves on a terminal, a line at every quarter elsewhere. Disposing ends it. */
export class Progress implements Disposable {
  readonly #stream: NodeJS.WriteStream;
  readonly #label: string;
  readonly #total: number;
  readonly #unit: string;
  readonly #bar: SingleBar | undefined;
  #quarter = 0;

  constructor(stream: NodeJS.WriteStream, label: string, total: number, unit: string) {
    this.#stream = stream;
    this.#label = label;
    this.#total = total;
    this.#unit = unit;
    if (stream.isTTY) {
      this.#bar = new SingleBar({
        stream,
        format: `    ${label} [{bar}] {value}/{total} ${unit}  {rest}`,
        barCompleteChar: '=',
        barIncompleteChar: ' ',
        barsize: 30,
        hideCursor: true,
        // Signals are the supervisor's business.
        gracefulExit: false,
      });
      this.#bar.start(total, 0, { rest: '' });
    }
  }

  /** @param rest what else is known, such as the speed */
  update(done: number, rest = ''): void {
    if (this.#bar !== undefined) {
      this.#bar.update(done, { rest });
      return;
    }
    const quarter = Math.floor((QUARTERS * done) / Math.max(1, this.#total));
    if (quarter <= this.#quarter) return;
    this.#quarter = quarter;
    this.#stream.write(`    ${this.#label} ${done}/${this.#total} ${this.#unit}${rest === '' ? '' : `  ${rest}`}\n`);
  }

  [Symbol.dispose](): void {
    this.#bar?.stop();
  }
}
