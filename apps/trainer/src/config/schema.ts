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

/** A number, or its text, from 0 to `most`; to just below it if it is `exclusive`. */
function fraction(most: number, exclusive = false): z.ZodType<number> {
  const error = `expected a number from 0 to ${exclusive ? 'below ' : ''}${most}`;
  return z.preprocess(
    toNumber,
    z.number(error).refine((value) => value >= 0 && (exclusive ? value < most : value <= most), error),
  );
}

/** True or false, or its text. */
function truth(): z.ZodType<boolean> {
  return z.preprocess((value) => (value === 'true' ? true : value === 'false' ? false : value), z.boolean('expected true or false'));
}

function toNumber(value: unknown): unknown {
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
}

/** One of some words. */
function choice<const Word extends string>(...words: [Word, ...Word[]]): z.ZodType<Word> {
  return z.enum(words, `expected one of ${words.join(', ')}`);
}

const path = z.string('expected a path').min(1, 'expected a path');
const paths = z.array(path, 'expected a list of paths').default([]);
const IMAGE_SIZE = /^([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?$/;
const imageSizeError = 'expected the side of a square in pixels, as 224, or height x width, as 240x320';
const METRICS_ADDRESS = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/;
const metricsAddressError = 'expected host:port, as 127.0.0.1:9091';

/** Steps of a training for which neither steps nor epochs are given: the deployment guide's number. */
export const DEFAULT_STEPS = 2000;

const keys = z.strictObject(
  {
    train_root_a: path.optional(),
    train_root_b: path.optional(),
    train_roots: paths,
    eval_roots: paths,
    steps: integer(1).optional(),
    epochs: integer(1).optional(),
    batch_size: integer(1, 65_536).default(64),
    num_workers: integer(0, 1024).default(8),
    seed: integer(0, 2 ** 32 - 1).default(42),
    log_every: integer(1).default(100),
    learning_rate: positive(1).optional(),
    schedule: choice('constant', 'linear', 'cosine').default('linear'),
    warmup_steps: integer(0).default(0),
    model: choice('cnn', 'softmax').default('cnn'),
    width: integer(1, 4096).optional(),
    depth: integer(1, 16).optional(),
    batch_norm: truth().optional(),
    optimizer: choice('adamw', 'sgd').default('adamw'),
    momentum: fraction(1, true).optional(),
    weight_decay: fraction(1).optional(),
    device: choice('cpu', 'webgpu').default('cpu'),
    augment: choice('none', 'flip', 'crop', 'crop-flip').default('none'),
    on_error: choice('raise', 'skip', 'warn', 'stop').default('raise'),
    max_failures: integer(1).optional(),
    threads: integer(1, 1024).optional(),
    classes: integer(2, 1_000_000).default(10),
    image_size: z
      .preprocess(
        (value) => (typeof value === 'number' ? String(value) : value),
        z.string(imageSizeError).regex(IMAGE_SIZE, imageSizeError),
      )
      .optional(),
    eval_every: integer(1).optional(),
    checkpoint: path.optional(),
    checkpoint_every: integer(1).default(500),
    export: path.optional(),
    report: path.optional(),
    metrics_addr: z
      .string(metricsAddressError)
      .refine((text) => Number(METRICS_ADDRESS.exec(text)?.[3] ?? Infinity) <= 65_535, metricsAddressError)
      .optional(),
  },
  'expected keys and values',
);

export const configSchema = keys.superRefine((config, context) => {
  const blame = (key: ConfigKey, message: string): void =>
    context.addIssue({ code: 'custom', path: [key], message, params: { acrossKeys: true } });
  if (config.steps !== undefined && config.epochs !== undefined) blame('epochs', 'steps and epochs exclude each other; give one of them');
  if (config.eval_every !== undefined && config.eval_roots.length === 0) blame('eval_every', 'needs test shards; give --eval-root');
  if (config.max_failures !== undefined && config.on_error !== 'skip' && config.on_error !== 'warn') {
    blame('max_failures', 'is a limit for on_error skip or warn');
  }
  if (config.model !== 'cnn') {
    for (const key of ['width', 'depth', 'batch_norm'] as const)
      if (config[key]) blame(key, `the model ${config.model} has none; only cnn has`);
  }
  if (config.optimizer !== 'sgd' && config.momentum !== undefined) blame('momentum', 'is for the optimizer sgd alone');
});

/** The settings, checked and complete. */
export type Config = z.infer<typeof keys>;

export type ConfigKey = keyof Config;

/** Height and width out of `image_size`. */
export function parseImageSize(text: string): { height: number; width: number } {
  const [, height = '', width = height] = IMAGE_SIZE.exec(text) ?? [];
  return { height: Number(height), width: Number(width) };
}

/** Host and port out of `metrics_addr`; without a host, all interfaces of this machine. */
export function parseMetricsAddress(text: string): { host: string; port: number } {
  const [, bracketed, plain, port] = METRICS_ADDRESS.exec(text) ?? [];
  const host = bracketed ?? plain ?? '';
  return { host: host === '' ? '::' : host, port: Number(port) };
}
