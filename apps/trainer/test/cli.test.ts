import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ShardWriter } from '@warpforge/webdataset';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lastJson, leftovers, logLines, runCli, runHere } from './cli.ts';
import { stripes, temporaryFolder, writeShards } from './shards.ts';
import type { TemporaryFolder } from './shards.ts';

let folder: TemporaryFolder;
let rootA: string;
let rootB: string;
let testRoot: string;
const path = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  [rootA, rootB, testRoot] = [path('a/train'), path('b/train'), path('test')];
  for (const root of [rootA, rootB, testRoot]) await mkdir(root, { recursive: true });
  await writeShards(rootA, { samples: 120 });
  await writeShards(rootB, { samples: 120, firstKey: 1000 });
  await writeShards(testRoot, { samples: 37, firstKey: 5000 });
});
afterAll(() => folder[Symbol.asyncDispose]());

/** A quick training on both roots. */
const quick = (...flags: string[]): string[] => [
  ...[
    'run',
    '--train-root-a',
    rootA,
    '--train-root-b',
    rootB,
    '--classes',
    '4',
    '--batch-size',
    '16',
    '--num-workers',
    '0',
    '--threads',
    '1',
  ],
  ...flags,
];

describe('warpforge-train run', () => {
  it('trains on both roots, logs every window in the exact format, evaluates every test image, and ends with JSON', async () => {
    const exported = path('model.onnx');
    const { exit, stdout, stderr } = await runCli(
      quick('--steps', '65', '--log-every', '30', '--learning-rate', '0.01', '--eval-root', testRoot, '--export', exported, '--json'),
    );
    expect(stderr).toBe(
      `root=${rootA}  shards=3\nroot=${rootB}  shards=3\nimages=16x16x1  classes=4  parameters=${64 * 9 + 64 + 128 * 64 * 9 + 128 + 2048 * 4 + 4}\n`,
    );
    expect(exit).toBe(0);
    const lines = logLines(stdout);
    expect(lines.map(({ step }) => step)).toEqual([30, 60, 65]);
    expect(stdout.split('\n').slice(3, 4)).toEqual([
      expect.stringMatching(/^test_accuracy=1\.0000 {2}test_loss=0\.\d{4} {2}test_images=37$/),
    ]);
    const result = lastJson(stdout);
    // 240 images are 15 batches.
    expect(result).toMatchObject({ steps: 65, images: 65 * 16, epochs: 5, testAccuracy: 1, testImages: 37 });
    expect(Number(result['loss']).toFixed(4)).toBe(lines.at(-1)?.loss);
    for (const key of ['imagesPerSec', 'computeMs', 'testLoss']) expect(result[key]).toBeGreaterThan(0);
    const session = await InferenceSession.create(exported);
    expect(session.inputNames).toEqual(['pixels']);
    await session.release();
  });

  it('does the same again with the same seed, whatever the number of workers, and something else with another', async () => {
    const run = async (...flags: string[]): Promise<string[]> => {
      const { exit, stdout, stderr } = await runHere(quick('--steps', '20', '--log-every', '5', ...flags));
      expect(exit, stderr).toBe(0);
      return logLines(stdout).map(({ loss }) => loss);
    };
    const first = await run('--seed', '0', '--num-workers', '0');
    expect(await run('--seed', '0', '--num-workers', '3')).toEqual(first);
    expect(await run('--seed', '1')).not.toEqual(first);
  });

  it('takes its settings from a file, roots and all, and flags before it', async () => {
    const config = path('train.yaml');
    await writeFile(
      config,
      `train_root_a: ${rootA} # even shards
train_roots:
  - ${rootB}
classes: 4
steps: 500 # replaced by the flag
batch_size: 16
num_workers: 0
log_every: 1
image_size: 20x12
`,
    );
    const { exit, stdout, stderr } = await runHere(['run', '--config', config, '--steps', '3']);
    expect(exit, stderr).toBe(0);
    expect(logLines(stdout).map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(stderr).toContain('images=20x12x1  classes=4');
  });

  it('scales images of other sizes to the first one, and knows colour', async () => {
    const root = path('mixed');
    await mkdir(root);
    await writeShards(root, { samples: 40, colour: true, size: (index) => [20 + index, 40 - (index % 7)] });
    const { exit, stderr } = await runHere(['run', '--train-root', root, '--steps', '2', '--batch-size', '8', '--num-workers', '0']);
    expect(stderr).toContain('images=20x40x3  classes=10');
    expect(exit).toBe(0);
  });

  it('trains on batches in memory for comparison', async () => {
    const { exit, stdout, stderr } = await runHere(quick('--steps', '12', '--from-memory', '2', '--json'));
    expect(exit, stderr).toBe(0);
    // Two batches again and again: each epoch is two steps.
    expect(lastJson(stdout)).toMatchObject({ steps: 12, epochs: 6 });
  });
});

describe('ONNX Runtime', () => {
  it('neither reports its use nor leaves files behind', async () => {
    const home = path('home');
    await mkdir(home);
    const env = { TMPDIR: home, HOME: home, XDG_CACHE_HOME: home, ORT_DISABLE_TELEMETRY: '' };
    const { exit } = await runCli(quick('--steps', '1'), undefined, env);
    expect(exit).toBe(0);
    expect(await readdir(home, { recursive: true })).toEqual([]);
  });
});

describe('a checkpoint', () => {
  it('made by Ctrl-C continues with the very losses of the run that nothing interrupted', async () => {
    const flags = ['--steps', '150', '--log-every', '1'];
    const whole = await runHere(quick(...flags));
    expect(whole.exit).toBe(0);
    const checkpoint = path('interrupted.safetensors');
    let stops = 0;
    const first = await runCli(quick(...flags, '--checkpoint', checkpoint, '--json'), (line, child) => {
      if (line.startsWith('step=3 ') && stops++ === 0) child.kill('SIGINT');
    });
    expect(first.exit).toBe(130);
    expect(first.stderr).toContain('warpforge-train: interrupted by SIGINT');
    const done = lastJson(first.stdout)['steps'] as number;
    expect(done).toBeGreaterThanOrEqual(3);
    expect(done).toBeLessThan(150);
    const second = await runCli(quick(...flags, '--checkpoint', checkpoint, '--resume'));
    expect(second.exit, second.stderr).toBe(0);
    expect(second.stderr).toContain(`resumed=${checkpoint}  step=${done}`);
    expect([...logLines(first.stdout), ...logLines(second.stdout)]).toEqual(logLines(whole.stdout));
    expect(await leftovers(folder.path)).toEqual([]);

    // All steps are done: nothing to train, but to evaluate.
    const third = await runHere(quick(...flags, '--checkpoint', checkpoint, '--resume', '--eval-root', testRoot, '--json'));
    expect(third.exit, third.stderr).toBe(0);
    expect(lastJson(third.stdout)).toMatchObject({ steps: 150, images: 0, loss: null, testImages: 37 });

    // And `eval` gives the same, at another batch size too.
    const evaluated = await runCli([
      'eval',
      '--checkpoint',
      checkpoint,
      '--eval-root',
      testRoot,
      '--batch-size',
      '5',
      '--threads',
      '1',
      '--json',
    ]);
    expect(evaluated.exit, evaluated.stderr).toBe(0);
    const { testAccuracy, testLoss } = lastJson(third.stdout);
    expect(lastJson(evaluated.stdout)).toMatchObject({ steps: 150, testAccuracy, testImages: 37 });
    expect(lastJson(evaluated.stdout)['testLoss']).toBeCloseTo(testLoss as number, 5);
  });

  it('is written every so often: a killed training loses only what came after', async () => {
    const checkpoint = path('killed.safetensors');
    const killed = await runCli(
      quick('--steps', '100000', '--log-every', '1', '--checkpoint', checkpoint, '--checkpoint-every', '4'),
      (line, child) => {
        if (line.startsWith('step=10 ')) child.kill('SIGKILL');
      },
    );
    expect(killed.exit).toBe('SIGKILL');
    const { exit, stderr, stdout } = await runHere(quick('--steps', '14', '--log-every', '1', '--checkpoint', checkpoint, '--resume'));
    expect(exit, stderr).toBe(0);
    const step = Number(/step=(\d+)/.exec(stderr)?.[1]);
    expect(step % 4).toBe(0);
    expect(step).toBeGreaterThanOrEqual(8);
    expect(logLines(stdout).length).toBe(Math.max(0, 14 - step));
  });
});

describe('SIGTERM', () => {
  it('ends the training cleanly, with its own exit code and without a process left', async () => {
    let pid: number | undefined;
    const { exit, stdout } = await runCli(quick('--steps', '100000', '--log-every', '1', '--num-workers', '3'), (line, child) => {
      if (!line.startsWith('step=3 ')) return;
      pid = child.pid;
      child.kill('SIGTERM');
      child.kill('SIGTERM');
    });
    expect(exit).toBe(143);
    expect(logLines(stdout).length).toBeGreaterThanOrEqual(3);
    expect(() => process.kill(pid ?? 0, 0)).toThrow('ESRCH');
  });
});

describe('what the user got wrong is said in one message', () => {
  /** Makes a root whose shards hold these samples. */
  const rootOf = async (name: string, samples: { jpg?: Uint8Array; cls: string }[]): Promise<string> => {
    const root = path(name);
    await mkdir(root);
    await using writer = new ShardWriter({ directory: root });
    for (const [index, sample] of samples.entries()) await writer.write({ __key__: `key-${index}`, ...sample });
    await writer.close();
    return root;
  };
  const good = { jpg: stripes(16, 16, 1, 1), cls: '1' };
  const train = (root: string, ...flags: string[]): string[] => [
    'run',
    '--train-root-a',
    root,
    '--batch-size',
    '2',
    '--num-workers',
    '0',
    '--steps',
    '4',
    ...flags,
  ];

  const cases: [what: string, exit: number, message: string | RegExp, args: () => Promise<string[]> | string[]][] = [
    ['a root that is not there', 1, 'there is no folder "/nowhere/train"', () => train('/nowhere/train')],
    ['a root without shards', 1, /no shard .* below ".*empty"/, async () => (await mkdir(path('empty')), train(path('empty')))],
    [
      'a test root without shards, before training',
      1,
      /no shard .* below ".*empty2"/,
      async () => (await mkdir(path('empty2')), quick('--eval-root', path('empty2'))),
    ],
    [
      'a truncated shard',
      1,
      /cut\/shard-000001\.tar.*(ends|truncated)/,
      async () => {
        const root = path('cut');
        await mkdir(root);
        await writeShards(root, { samples: 8, samplesPerShard: 4 });
        await truncate(join(root, 'shard-000001.tar'), 2000);
        return train(root);
      },
    ],
    [
      'a corrupt image',
      1,
      /corrupt\/shard-000000\.tar, sample "key-1".*image/,
      async () => train(await rootOf('corrupt', [good, { ...good, jpg: good.jpg.subarray(0, 300) }, good])),
    ],
    [
      'a first image that is corrupt',
      1,
      /corrupt-first\/shard-000000\.tar, sample "key-0".*image/,
      async () => train(await rootOf('corrupt-first', [{ ...good, jpg: Buffer.from('nothing') }, good])),
    ],
    [
      'a label that is not a number',
      1,
      /text-label\/shard-000000\.tar, sample "key-1".*label/,
      async () => train(await rootOf('text-label', [good, { ...good, cls: 'cat' }])),
    ],
    [
      'a label that is no class',
      1,
      /big-label\/shard-000000\.tar, sample "key-1": the label 10 is not in 0 to 9; set --classes/,
      async () => train(await rootOf('big-label', [good, { ...good, cls: '10' }])),
    ],
    [
      'a test label that is no class',
      1,
      /test-label\/shard-000000\.tar, sample "key-1": the label -1 is not in 0 to 3/,
      async () => quick('--steps', '1', '--eval-root', await rootOf('test-label', [good, { ...good, cls: '-1' }])),
    ],
    [
      'a sample without an image',
      1,
      /no-image\/shard-000000\.tar, sample "key-1"/,
      async () => train(await rootOf('no-image', [good, { cls: '1' }])),
    ],
    [
      'fewer samples than a batch',
      1,
      'fewer samples than one batch; lower --batch-size',
      async () => train(await rootOf('few', [good, good].slice(1))),
    ],
    ['the same root twice', 2, /are or contain the same folder; give each folder once/, () => quick('--train-root', rootA)],
    [
      'the same root by another name',
      2,
      'are or contain the same folder',
      async () => {
        await symlink(path('a'), path('link'));
        return train(path('link'), '--train-root-b', rootA);
      },
    ],
    [
      'a settings file that is not there',
      2,
      'cannot read the configuration "/nowhere.yaml": ENOENT',
      () => ['run', '--config', '/nowhere.yaml'],
    ],
    [
      'settings with faults',
      2,
      /the settings have 3 faults:\n {2}--steps: .*\n.*bad\.yaml:1:1: seeed: unknown key; did you mean "seed"\?\n {2}missing: train_root_a/,
      async () => {
        await writeFile(path('bad.yaml'), 'seeed: 1\n');
        return ['run', '--config', path('bad.yaml'), '--steps', 'many'];
      },
    ],
    [
      'no root at all',
      2,
      'missing: train_root_a or train_root_b or train_roots (--train-root-a or --train-root-b or --train-root)',
      () => ['run'],
    ],
    ['an unknown flag', 2, "unknown option '--step'\n(Did you mean --steps?)", () => ['run', '--step', '5']],
    ['an unknown command', 2, "unknown command 'trian'", () => ['trian']],
    ['--resume without a checkpoint', 2, 'missing: checkpoint (--checkpoint)', () => quick('--resume')],
    [
      '--resume from a checkpoint that is not there',
      1,
      /cannot read the checkpoint ".*none": ENOENT/,
      () => quick('--resume', '--checkpoint', path('none')),
    ],
    ['a checkpoint in a folder that is not there', 1, /cannot write ".*deep\/state"/, () => quick('--checkpoint', path('deep/state'))],
    [
      'a checkpoint that would be overwritten',
      1,
      /the checkpoint ".*precious" is there already; continue it with --resume, or remove it/,
      async () => {
        await writeFile(path('precious'), 'precious');
        return quick('--checkpoint', path('precious'));
      },
    ],
    [
      'a file that is no checkpoint',
      1,
      /is damaged or no checkpoint of warpforge-train/,
      async () => {
        await writeFile(path('text'), 'precious');
        return ['eval', '--checkpoint', path('text'), '--eval-root', testRoot];
      },
    ],
    ['eval of nothing', 2, 'missing: checkpoint (--checkpoint)\n  missing: eval_roots (--eval-root)', () => ['eval']],
  ];
  it.each(cases)('%s', async (_, exit, message, args) => {
    const outcome = await runHere(await args());
    expect(outcome.stderr).toMatch(message);
    expect(outcome.exit).toBe(exit);
    // A message, not a stack, and only one.
    expect(outcome.stderr).not.toMatch(/^ {4}at /m);
    expect(outcome.stderr.match(/^warpforge-train: /gm)?.length ?? 0).toBeLessThanOrEqual(1);
  });

  it('as a process, too', async () => {
    const [wrong, failed] = await Promise.all([runCli(['run', '--step', '5']), runCli(train('/nowhere/train'))]);
    expect(wrong).toEqual({ exit: 2, stdout: '', stderr: expect.stringContaining("unknown option '--step'") as string });
    expect(failed).toMatchObject({ exit: 1, stderr: expect.stringContaining('there is no folder "/nowhere/train"') as string });
  });

  it('and nothing is left behind', async () => {
    expect(await leftovers(folder.path)).toEqual([]);
    expect(existsSync(path('none'))).toBe(false);
    expect(await readFile(path('precious'), 'utf8')).toBe('precious');
  });

  it('a checkpoint of another data set', async () => {
    const root = path('changed');
    await mkdir(root);
    for (const shard of await readdir(rootA)) await copyFile(join(rootA, shard), join(root, shard));
    const flags = (steps: string): string[] => [
      'run',
      '--train-root',
      root,
      '--batch-size',
      '16',
      '--num-workers',
      '0',
      '--checkpoint',
      path('changed.safetensors'),
      '--steps',
      steps,
    ];
    expect((await runHere(flags('1'))).exit).toBe(0);
    await rm(join(root, 'shard-000002.tar'));
    const before = await readFile(path('changed.safetensors'));
    const { exit, stderr } = await runHere([...flags('5'), '--resume', '--seed', '7']);
    expect(exit).toBe(1);
    expect(stderr).toContain(
      'is of another run: the seed was 42 and is 7; the data set is another one (3 shards then, 2 now; names, sizes and order count)',
    );
    expect(await readFile(path('changed.safetensors'))).toEqual(before);
  });
});

describe('--help', () => {
  it.each([[['--help']], [['run', '--help']], [['eval', '--help']], [['compare', '--help']]])('%j shows examples', async (args) => {
    const { exit, stdout, stderr } = await runCli(args);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toContain('Examples:\n  $ warpforge-train');
  });
});
