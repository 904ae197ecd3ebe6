import cliProgress from 'cli-progress';

/** A bar on a terminal, and a line every tenth of the way elsewhere. */
export class Progress implements Disposable {
  readonly #unit: string;
  readonly #total: number;
  readonly #bar: cliProgress.SingleBar | undefined;
  #nextLine: number;

  constructor(unit: string, total: number) {
    this.#unit = unit;
    this.#total = total;
    this.#nextLine = total / 10;
    if (!process.stdout.isTTY) return;
    this.#bar = new cliProgress.SingleBar({ format: `[{bar}] {value} of {total} ${unit}, {eta_formatted} left` });
    this.#bar.start(total, 0);
  }

  update(done: number): void {
    this.#bar?.update(done);
    if (this.#bar !== undefined || done < this.#nextLine) return;
    this.#nextLine = done + this.#total / 10;
    process.stdout.write(`${done} of ${this.#total} ${this.#unit}\n`);
  }

  [Symbol.dispose](): void {
    this.#bar?.stop();
  }
}
