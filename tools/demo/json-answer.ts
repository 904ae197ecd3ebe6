import { DemoError } from './errors.ts';

/** One JSON object that a command of the product printed, read with a message that names the command when something is not there. */
export class JsonAnswer {
  readonly #command: string;
  readonly #line: string;
  readonly #values: Readonly<Record<string, unknown>>;

  private constructor(command: string, line: string, values: Readonly<Record<string, unknown>>) {
    this.#command = command;
    this.#line = line;
    this.#values = values;
  }

  /** Reads a line of output. */
  static parse(command: string, line: string): JsonAnswer {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      throw new DemoError('ANSWER_WRONG', `${command} should have printed a JSON object last, and printed: ${line}`, { cause });
    }
    return JsonAnswer.#of(command, line, value);
  }

  static #of(command: string, line: string, value: unknown): JsonAnswer {
    if (typeof value !== 'object' || value === null) throw new DemoError('ANSWER_WRONG', `${command} printed no JSON object: ${line}`);
    return new JsonAnswer(command, line, { ...value });
  }

  has(key: string): boolean {
    return this.#values[key] !== undefined;
  }

  number(key: string): number {
    const value = this.#values[key];
    if (typeof value !== 'number') throw this.#missing(key, 'number');
    return value;
  }

  text(key: string): string {
    const value = this.#values[key];
    if (typeof value !== 'string') throw this.#missing(key, 'text');
    return value;
  }

  list(key: string): readonly JsonAnswer[] {
    const value = this.#values[key];
    if (!Array.isArray(value)) throw this.#missing(key, 'list');
    return value.map((item) => JsonAnswer.#of(this.#command, this.#line, item));
  }

  #missing(key: string, kind: string): DemoError {
    return new DemoError('ANSWER_WRONG', `the JSON object of ${this.#command} has no ${kind} "${key}": ${this.#line}`);
  }
}
