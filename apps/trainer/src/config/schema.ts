import { z } from 'zod';

/**
 * Every setting of a run. The keys are those of the YAML file; the flag of a key is the same word with dashes (`batch_size`,
 * `--batch-size`), and lists have one flag for each item (`train_roots`, `--train-root`). Values of flags are texts, so numbers may be.
 */

/** A whole number, or its text, from `least` to `most`. */
function integer(least: number, most: number = Number.MAX_SAFE_INTEGER): z.ZodType<number> {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  const error = `expected a whole number ${range}`;
  const isInRange = (value: number): boolean => Number.isSafeInteger(value) && value >= least && value <= most;
  return z.preprocess(toNumber, z.number(error).refine(isInRange, error));
}

/** A number, or its text, above 0 and at most `most`. */
function positive(most: number): z.ZodType<number> {
  const error = `expected a number above 0 and at most ${most}`;
  return z.preprocess(
    toNumber,
    z.number(error).refine((value) => value > 0 && value <= most, error),
  );
}

function toNumber(value: unknown): unknown {
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
}

const path = z.string('expected a path').min(1, 'expected a path');
const paths = z.array(path, 'expected a list of paths').default([]);
const IMAGE_SIZE = /^([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?$/;
const imageSizeError = 'expected the side of a square in pixels, as 224, or height x width, as 240x320';

export const configSchema = z.strictObject(
  {
    train_root_a: path.optional(),
    train_root_b: path.optional(),
    train_roots: paths,
    eval_roots: paths,
    steps: integer(1).default(2000),
    batch_size: integer(1, 65_536).default(64),
    num_workers: integer(0, 1024).default(8),
    seed: integer(0, 2 ** 32 - 1).default(42),
    log_every: integer(1).default(100),
    learning_rate: positive(1).default(0.002),
    threads: integer(1, 1024).optional(),
    classes: integer(2, 1_000_000).default(10),
    image_size: z
      .preprocess(
        (value) => (typeof value === 'number' ? String(value) : value),
        z.string(imageSizeError).regex(IMAGE_SIZE, imageSizeError),
      )
      .optional(),
    checkpoint: path.optional(),
    checkpoint_every: integer(1).default(500),
    export: path.optional(),
  },
  'expected keys and values',
);

/** The settings, checked and complete. */
export type Config = z.infer<typeof configSchema>;

export type ConfigKey = keyof Config;

/** Height and width out of `image_size`. */
export function parseImageSize(text: string): { height: number; width: number } {
  const [, height = '', width = height] = IMAGE_SIZE.exec(text) ?? [];
  return { height: Number(height), width: Number(width) };
}
