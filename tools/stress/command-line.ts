import { InvalidArgumentError } from 'commander';

/** A reader of the values of an option that counts something. */
export function wholeNumber(least = 0): (text: string) => number {
  const range = least === 0 ? '' : ` of at least ${least}`;
  return (text) => {
    const number = Number(text);
    if (!Number.isSafeInteger(number) || number < least) throw new InvalidArgumentError(`It must be a whole number${range}.`);
    return number;
  };
}

/** One line for the person who watches. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
