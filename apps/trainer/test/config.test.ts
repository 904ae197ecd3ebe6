import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FLAGS, groupOf, isList } from '../src/config/flags.ts';
import { loadConfig } from '../src/config/load.ts';
import type { LoadOptions } from '../src/config/load.ts';
import { configSchema, parseImageSize, parseMetricsAddress } from '../src/config/schema.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'warpforge-train-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function load(yaml: string, options: Partial<LoadOptions> = {}) {
  const file = join(folder, 'train.yaml');
  await writeFile(file, yaml);
  return loadConfig({ file, overrides: {}, needs: [], ...options });
}

/** The lines of the message, with `FILE` for the path. */
async function faults(yaml: string, options: Partial<LoadOptions> = {}): Promise<string[]> {
  try {
    await load(yaml, options);
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    return (error as Error).message.replaceAll(join(folder, 'train.yaml'), 'FILE').split('\n');
  }
  throw new Error('the settings were accepted');
}

describe('settings', () => {
  it('have the defaults of the deployment guide', async () => {
    expect(await loadConfig({ file: undefined, overrides: {}, needs: [] })).toEqual({
      train_roots: [],
      eval_roots: [],
      batch_size: 64,
      num_workers: 8,
      seed: 42,
      log_every: 100,
      schedule: 'linear',
      warmup_steps: 0,
      model: 'cnn',
      optimizer: 'adamw',
      device: 'cpu',
      augment: 'none',
      on_error: 'raise',
      classes: 10,
      checkpoint_every: 500,
    });
  });

  it('come from the file, comments and all', async () => {
    const config = await load(`# the demo
train_root_a: /wd/datasets-cac/train   # even shards
train_root_b: "/wd/datasets-wus3/train"
steps: 120 # n
seed: 0
learning_rate: 1e-3
image_size: 224
eval_roots: [/wd/test]
`);
    expect(config).toMatchObject({
      train_root_a: '/wd/datasets-cac/train',
      train_root_b: '/wd/datasets-wus3/train',
      steps: 120,
      seed: 0,
      learning_rate: 0.001,
      image_size: '224',
      eval_roots: ['/wd/test'],
    });
  });

  it('of flags replace those of the file, before anything is checked', async () => {
    const overrides = { steps: '7', seed: '0', train_root_a: '/other', eval_roots: ['/x', '/y'] };
    expect(await load('steps: many\nseed: 5\nbatch_size: 3\neval_roots: [/z]\n', { overrides, needs: [['train_root_a']] })).toMatchObject({
      steps: 7,
      seed: 0,
      batch_size: 3,
      train_root_a: '/other',
      eval_roots: ['/x', '/y'],
    });
  });

  it('are told all that is wrong at once, each with its place', async () => {
    const yaml = `steps: 0
batchsize: 64
train_root_a: [a]
eval_roots: /test
seed: -1
learning_rate: fast
log_every:
wibble: 1
image_size: big
`;
    const overrides = { num_workers: '-3', threads: 'all' };
    expect(await faults(yaml, { overrides, needs: [['train_root_a', 'train_roots'], ['checkpoint']] })).toEqual([
      'the settings have 12 faults:',
      '  --num-workers: expected a whole number from 0 to 1024, got "-3"',
      '  --threads: expected a whole number from 1 to 1024, got "all"',
      '  FILE:1:1: steps: expected a whole number of at least 1, got 0',
      '  FILE:2:1: batchsize: unknown key; did you mean "batch_size"?',
      '  FILE:3:1: train_root_a: expected a path, got a list',
      '  FILE:4:1: eval_roots: expected a list of paths, got "/test"',
      '  FILE:5:1: seed: expected a whole number from 0 to 4294967295, got -1',
      '  FILE:6:1: learning_rate: expected a number above 0 and at most 1, got "fast"',
      '  FILE:7:1: log_every: expected a whole number of at least 1, got nothing',
      expect.stringMatching(/^ {2}FILE:8:1: wibble: unknown key; known are train_root_a, train_root_b, /),
      '  FILE:9:1: image_size: expected the side of a square in pixels, as 224, or height x width, as 240x320, got "big"',
      '  missing: checkpoint (--checkpoint)',
    ]);
  });

  it.each([
    ['steps: 1.5', 'FILE:1:1: steps: expected a whole number of at least 1, got 1.5'],
    ['steps: "1e99"', 'FILE:1:1: steps: expected a whole number of at least 1, got "1e99"'],
    ['steps: ""', 'FILE:1:1: steps: expected a whole number of at least 1, got ""'],
    ['steps: 1\nsteps: 2', 'FILE:2:1: Map keys must be unique'],
    ['steps: [1', 'FILE:1:10: Flow sequence in block collection must be sufficiently indented and end with a ]'],
    ['- steps', 'FILE:1:1: expected keys and values, as "steps: 2000"'],
    ['just text', 'FILE:1:1: expected keys and values, as "steps: 2000"'],
    ['steps: *other', 'FILE:1:1: Unresolved alias (the anchor must be set before the alias): other'],
    ['train_roots: ["a", 5]', 'FILE:1:1: train_roots: expected a path, got 5'],
    ['train_root_a: ""', 'FILE:1:1: train_root_a: expected a path, got ""'],
    ['learning_rate: 0', 'FILE:1:1: learning_rate: expected a number above 0 and at most 1, got 0'],
    [
      'image_size: 224x',
      'FILE:1:1: image_size: expected the side of a square in pixels, as 224, or height x width, as 240x320, got "224x"',
    ],
    ['schedule: step', 'FILE:1:1: schedule: expected one of constant, linear, cosine, got "step"'],
    ['augment: true', 'FILE:1:1: augment: expected one of none, flip, crop, crop-flip, got true'],
    ['warmup_steps: -1', 'FILE:1:1: warmup_steps: expected a whole number of at least 0, got -1'],
    ['steps: 5\nepochs: 2', 'FILE:2:1: epochs: steps and epochs exclude each other; give one of them'],
    ['eval_every: 5', 'FILE:1:1: eval_every: needs test shards; give --eval-root'],
    ['max_failures: 5', 'FILE:1:1: max_failures: is a limit for on_error skip or warn'],
    ['metrics_addr: here', 'FILE:1:1: metrics_addr: expected host:port, as 127.0.0.1:9091, got "here"'],
    ['metrics_addr: "[::1]:65536"', 'FILE:1:1: metrics_addr: expected host:port, as 127.0.0.1:9091, got "[::1]:65536"'],
    ['classes: 1', 'FILE:1:1: classes: expected a whole number from 2 to 1000000, got 1'],
  ])('%j is refused', async (yaml, message) => {
    expect(await faults(yaml)).toEqual(['the settings have a fault:', `  ${message}`]);
  });

  it.each([
    [{ epochs: '3' }, { epochs: 3 }],
    [{ steps: '7' }, { steps: 7 }],
  ])('by the flag %j the length of the file is replaced, whichever way it is given', async (overrides, expected) => {
    for (const yaml of ['steps: 500\n', 'epochs: 9\n']) {
      const { steps, epochs } = await load(yaml, { overrides });
      expect({ steps, epochs }).toEqual({ steps: undefined, epochs: undefined, ...expected });
    }
  });

  it.each([
    ['127.0.0.1:9091', '127.0.0.1', 9091],
    ['[::1]:0', '::1', 0],
    [':80', '::', 80],
    ['localhost:65535', 'localhost', 65_535],
  ])('give the metrics address %s as host and port', async (text, host, port) => {
    const { metrics_addr = '' } = await load('', { overrides: { metrics_addr: text } });
    expect(parseMetricsAddress(metrics_addr)).toEqual({ host, port });
  });

  it('may be an empty file', async () => {
    expect(await load('# nothing yet\n')).toMatchObject({ batch_size: 64 });
  });

  it("that can't be read are named", async () => {
    await expect(loadConfig({ file: '/nowhere.yaml', overrides: {}, needs: [] })).rejects.toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringContaining('cannot read the configuration "/nowhere.yaml": ENOENT') as string,
    });
  });

  it('are all described, with the defaults that they have', () => {
    expect(Object.keys(FLAGS)).toEqual(Object.keys(configSchema.shape));
    for (const key of Object.keys(FLAGS)) expect(groupOf(key as keyof typeof FLAGS), key).not.toBe('Options:');
    const defaults = configSchema.parse({}) as Record<string, unknown>;
    for (const [key, [, meaning]] of Object.entries(FLAGS)) {
      const told = /\(default: (-?[\d.]+)\)/.exec(meaning)?.[1];
      const value = defaults[key];
      if (typeof value === 'number') expect(told, key).toBe(String(value));
      expect(Array.isArray(value), key).toBe(isList(key as keyof typeof FLAGS));
    }
  });

  it('give the image size as a square or as height x width', () => {
    expect(parseImageSize('224')).toEqual({ height: 224, width: 224 });
    expect(parseImageSize('240x320')).toEqual({ height: 240, width: 320 });
  });
});
