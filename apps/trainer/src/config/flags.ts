import type { ConfigKey } from './schema.ts';

/** The flag that gives a key, or an item of a key that is a list: `batch_size` is `--batch-size`, `train_roots` is `--train-root`. */
export function flagOf(key: string): string {
  return `--${key.replaceAll('_', '-').replace(/roots$/, 'root')}`;
}

/** What `--help` says to each key: the name of its value, and its meaning. Defaults are those of the schema. */
export const FLAGS: Readonly<Record<ConfigKey, readonly [value: string, meaning: string]>> = {
  train_root_a: ['dir', 'folder with training shards (.tar, also compressed; at any depth)'],
  train_root_b: ['dir', 'second folder with training shards'],
  train_roots: ['dir', 'another folder with training shards; may be repeated'],
  eval_roots: ['dir', 'folder with test shards; may be repeated'],
  steps: ['n', 'optimizer steps in all (default: 2000, unless epochs are given)'],
  epochs: ['n', 'passes over the training images, instead of steps'],
  batch_size: ['n', 'images a step (default: 64)'],
  num_workers: ['n', 'threads that decode images (default: 8)'],
  seed: ['n', 'decides the first weights and the order of the data (default: 42)'],
  log_every: ['n', 'steps between two log lines (default: 100)'],
  learning_rate: ['rate', 'the highest one (default: 0.002 with adamw, 0.05 with sgd)'],
  schedule: ['shape', 'of the learning rate: constant, or falling to 0 linear or as a cosine (default: linear)'],
  warmup_steps: ['n', 'steps in which the learning rate rises to its height (default: 0)'],
  model: ['kind', 'cnn, a convolutional network, or softmax, a linear classifier on the pixels (default: cnn)'],
  width: ['n', 'channels of the last convolution; each one before has half, but at least 8 (default: 128)'],
  depth: ['n', 'convolutions, which halve the image each (default: until its longer side is at most 4 pixels)'],
  batch_norm: ['boolean', 'batch normalisation after each convolution (default: false)'],
  optimizer: ['kind', 'adamw or sgd (default: adamw)'],
  momentum: ['part', 'of the last step that sgd adds to the next one (default: 0.9)'],
  weight_decay: ['rate', 'how fast weights shrink; not biases and norms (default: 0.01 with adamw, 0 with sgd)'],
  device: ['kind', 'what computes: cpu, or webgpu where there is an adapter (default: cpu)'],
  augment: ['how', 'change training images at random: none, flip (left to right), crop or crop-flip (default: none)'],
  on_error: ['policy', 'damaged samples: raise an error, skip, warn (skip with a warning), or stop the epoch there (default: raise)'],
  max_failures: ['n', 'damaged samples an epoch at most, for skip and warn (default: no limit)'],
  threads: ['n', 'threads that compute (default: one for each CPU)'],
  classes: ['n', 'number of classes; labels are 0 to n - 1 (default: 10)'],
  image_size: ['size', 'scale images to this, as 224 or 240x320 (default: the size of the first image)'],
  eval_every: ['n', 'evaluate every so many steps, and keep the best checkpoint'],
  checkpoint: ['file', 'where to keep the state of the training'],
  checkpoint_every: ['n', 'steps between two checkpoints; there is one at the end too (default: 500)'],
  export: ['file', 'write the trained network as .onnx'],
  report: ['file', 'write a page about the training as .html'],
  metrics_addr: ['host:port', 'serve metrics for Prometheus there, under /metrics and /healthz'],
};

/** The headings of `--help`, and what stands below them. */
const GROUPS: Readonly<Record<string, readonly ConfigKey[]>> = {
  'Data:': [
    ...(['train_root_a', 'train_root_b', 'train_roots', 'eval_roots', 'batch_size', 'num_workers'] as const),
    ...(['augment', 'on_error', 'max_failures', 'classes', 'image_size'] as const),
  ],
  'Training:': [
    ...(['steps', 'epochs', 'seed', 'model', 'width', 'depth', 'batch_norm', 'optimizer', 'momentum', 'weight_decay'] as const),
    ...(['learning_rate', 'schedule', 'warmup_steps', 'threads', 'device'] as const),
  ],
  'Results:': ['log_every', 'eval_every', 'checkpoint', 'checkpoint_every', 'export', 'report', 'metrics_addr'],
};

/** The heading of `--help` under which the flag of this key stands. */
export function groupOf(key: ConfigKey): string {
  return Object.entries(GROUPS).find(([, keys]) => keys.includes(key))?.[0] ?? 'Options:';
}

/** Whether the flag of this key needs no value: without one it means true. */
export function isSwitch(key: ConfigKey): boolean {
  return key === 'batch_norm';
}

/** Whether the flag of this key may be repeated. */
export function isList(key: ConfigKey): boolean {
  return key === 'train_roots' || key === 'eval_roots';
}
