import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { copyFileSync, existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { TrainingMetrics } from '../src/observe/metrics.ts';
import { lastJson, leftovers, logLines, runCli, runHere } from './cli.ts';
import { temporaryFolder, writeShards } from './shards.ts';
import { trainHere } from './train-here.ts';
import type { TemporaryFolder } from './shards.ts';

let folder: TemporaryFolder;
let rootA: string;
let rootB: string;
let testRoot: string;
const path = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  [rootA, rootB, testRoot] = [path('wd/a/train'), path('wd/b/train'), path('test')];
  for (const root of [rootA, rootB, testRoot]) await mkdir(root, { recursive: true });
  await writeShards(rootA, { samples: 120, samplesPerShard: 20 });
  await writeShards(rootB, { samples: 120, samplesPerShard: 20, firstKey: 1000 });
  await writeShards(testRoot, { samples: 37, firstKey: 5000 });
});
afterAll(() => folder[Symbol.asyncDispose]());

beforeEach(() => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  return () => write.mockRestore();
});

const quick = (command: string, ...flags: string[]): string[] => [
  ...[command, '--train-root-a', rootA, '--train-root-b', rootB, '--classes', '4', '--batch-size', '16', '--num-workers', '0'],
  ...['--threads', '1', '--width', '8', '--depth', '2', ...flags],
];

describe('evaluation on the way', () => {
  it('keeps the best checkpoint, which eval confirms, and a resumed training remembers it', async () => {
    const checkpoint = path('evaluated.safetensors');
    const flags = ['--learning-rate', '0.02', '--eval-root', testRoot, '--eval-every', '4', '--checkpoint', checkpoint, '--json'];
    const first = await runCli(quick('run', '--steps', '18', '--log-every', '6', ...flags));
    expect(first.exit, first.stderr).toBe(0);
    const lines = first.stdout.split('\n').filter((line) => line.startsWith('eval_step='));
    const evaluations = lines.map((line) => {
      const [, step, accuracy, loss] =
        /^eval_step=(\d+) {2}test_accuracy=(\d\.\d{4}) {2}test_loss=(\d+\.\d{4}) {2}test_images=37$/.exec(line) ?? [];
      return { step: Number(step), accuracy: Number(accuracy), loss: Number(loss) };
    });
    expect(evaluations.map(({ step }) => step)).toEqual([4, 8, 12, 16]);
    const result = lastJson(first.stdout);
    evaluations.push({ step: 18, accuracy: result['testAccuracy'] as number, loss: result['testLoss'] as number });
    const best = evaluations.find(({ step }) => step === result['bestStep']);
    // Lines have four digits.
    for (const { accuracy, loss } of evaluations) {
      expect(accuracy).toBeLessThanOrEqual((best?.accuracy ?? 0) + 1e-4);
      if (accuracy > (best?.accuracy ?? 0) - 1e-4) expect(loss).toBeGreaterThanOrEqual((best?.loss ?? 0) - 1e-4);
    }
    expect(first.stderr).toContain(`best=${path('evaluated.best.safetensors')}  step=${best?.step ?? ''}`);

    const evaluated = await runHere(['eval', '--checkpoint', path('evaluated.best.safetensors'), '--eval-root', testRoot, '--json']);
    expect(lastJson(evaluated.stdout)).toMatchObject({ steps: best?.step, testImages: 37 });
    expect(Number(lastJson(evaluated.stdout)['testAccuracy'])).toBeCloseTo(best?.accuracy ?? 0, 4);

    // With a rate that ruins the network nothing better comes.
    const second = await runHere(quick('run', '--steps', '20', ...flags, '--learning-rate', '1', '--schedule', 'constant', '--resume'));
    expect(second.exit, second.stderr).toBe(0);
    if (best?.accuracy === 1) expect(lastJson(second.stdout)['bestStep']).toBe(best.step);
    expect(await leftovers(folder.path)).toEqual([]);
  });

  it('changes no loss of the training', async () => {
    const settings = { train_root_a: rootA, train_root_b: rootB, steps: 12 };
    const evaluated = await trainHere({ ...settings, eval_roots: [testRoot], eval_every: 5 });
    expect(evaluated.losses).toEqual((await trainHere(settings)).losses);
  });
});

describe('metrics', () => {
  it('have no series before it has moved', async () => {
    const metrics = new TrainingMetrics();
    const names = async (): Promise<string[]> => {
      const lines = (await metrics.registry.expose()).split('\n').filter((line) => line.startsWith('warpforge_train_'));
      return [...new Set(lines.map((line) => /^\w+/.exec(line)?.[0].replace(/_(bucket|sum|count)$/, '') ?? ''))];
    };
    // Counters and histograms without labels start at zero.
    const always = ['steps_total', 'images_total', 'data_seconds', 'compute_seconds', 'skipped_total'];
    const withPrefix = (...list: string[]): string[] => list.map((name) => `warpforge_train_${name}`).toSorted();
    expect((await names()).toSorted()).toEqual(withPrefix(...always));
    metrics.onStep(1, { images: 2, dataMs: 3, computeMs: 4, loss: 5 });
    expect((await names()).toSorted()).toEqual(withPrefix(...always, 'loss'));
    metrics.onWindow(1, { steps: 1, images: 2, imagesPerSec: 6, dataMs: 3, computeMs: 4, loss: 5 });
    metrics.onEvaluation(1, { accuracy: 0, loss: 7, images: 8 });
    const stage = { name: 'read', busyMs: 1500, starvedMs: 0, blockedMs: 0, queued: 2 } as const;
    metrics.onOpen(() => ({
      bytesByRoot: [
        { root: '/a', bytes: 9 },
        { root: '/b', bytes: 0 },
      ],
      skipped: 1,
      stages: [stage],
    }));
    const moved = ['loss', 'images_per_second', 'accuracy', 'bytes_read_total', 'loader_busy_seconds_total', 'loader_queue'];
    expect((await names()).toSorted()).toEqual(withPrefix(...always, ...moved));
    const text = await metrics.registry.expose();
    for (const line of ['bytes_read_total{root="/a"} 9', 'skipped_total 1', 'loader_busy_seconds_total{stage="read"} 1.5', 'accuracy 0']) {
      expect(text).toContain(`\nwarpforge_train_${line}\n`);
    }
    expect(text).not.toContain('root="/b"');
  });

  it('are served while training', async () => {
    let url = '';
    const answers: Promise<string>[] = [];
    let health: Promise<Response> | undefined;
    const get = (): Promise<string> => fetch(url).then((response) => response.text());
    const outcome = await runCli(
      quick('run', '--steps', '2000', '--log-every', '5', '--eval-root', testRoot, '--eval-every', '25', '--metrics-addr', '127.0.0.1:0'),
      (line, child) => {
        if (line.startsWith('step=10 ')) answers.push(get());
        if (!line.startsWith('eval_step=25 ')) return;
        health = fetch(new URL('/healthz', url));
        answers.push(get());
        void Promise.allSettled([...answers, health]).then(() => child.kill('SIGINT'));
      },
      {},
      (line) => {
        if (line.startsWith('metrics=')) url = line.slice('metrics='.length);
      },
    );
    expect(outcome.exit, outcome.stderr).toBe(130);
    const [before = '', after = ''] = await Promise.all(answers);
    const value = (text: string, series: string): number => {
      const line = text.split('\n').find((each) => each.startsWith(`${series} `));
      return Number(line?.slice(series.length + 1) ?? NaN);
    };
    expect(value(before, 'warpforge_train_steps_total')).toBeGreaterThanOrEqual(10);
    expect(value(after, 'warpforge_train_steps_total')).toBeGreaterThanOrEqual(25);
    for (const text of [before, after]) {
      const steps = value(text, 'warpforge_train_steps_total');
      expect(value(text, 'warpforge_train_images_total')).toBe(16 * steps);
      expect(value(text, 'warpforge_train_data_seconds_count')).toBe(steps);
      expect(value(text, 'warpforge_train_compute_seconds_count')).toBe(steps);
      expect(value(text, 'warpforge_train_compute_seconds_sum')).toBeGreaterThan(0);
      expect(value(text, 'warpforge_train_images_per_second')).toBeGreaterThan(0);
      expect(value(text, 'warpforge_train_loss')).toBeGreaterThan(0);
      for (const root of [rootA, rootB]) expect(value(text, `warpforge_train_bytes_read_total{root="${root}"}`)).toBeGreaterThan(10_000);
      expect(value(text, 'warpforge_train_loader_busy_seconds_total{stage="decode"}')).toBeGreaterThan(0);
    }
    expect(value(after, 'warpforge_train_accuracy')).toBeGreaterThanOrEqual(0);
    const answer = await health;
    expect(answer?.status).toBe(200);
    expect(await answer?.json()).toEqual({ status: 'ok', checks: { [rootA]: { status: 'ok' }, [rootB]: { status: 'ok' } } });
  });

  it('on an address in use are refused before anything starts, with what to do', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { exit, stderr } = await runHere(quick('run', '--metrics-addr', address));
    server.close();
    expect({ exit, stderr }).toEqual({
      exit: 1,
      stderr: `warpforge-train: the metrics address ${address} is in use by another process; choose another with --metrics-addr\n`,
    });
  });
});

describe('warpforge-train compare', () => {
  it('trains twice on the same images in the same order, and shows the difference', async () => {
    const [config, report] = [path('compare.yaml'), path('compare.html')];
    // Settings of a training that have no meaning here are no hindrance.
    await writeFile(
      config,
      `eval_roots: [${testRoot}]\ncheckpoint: ${path('never.safetensors')}\nexport: ${path('never.onnx')}\nlog_every: 5\n`,
    );
    const { exit, stdout, stderr } = await runHere(quick('compare', '--config', config, '--steps', '20', '--report', report, '--json'));
    expect(exit, stderr).toBe(0);
    const [cold = '', warm = ''] = stdout.split('run=warm  (the same again)\n');
    const windows = logLines(cold);
    expect(windows.map(({ step }) => step)).toEqual([5, 10, 15, 20]);
    expect(logLines(warm)).toEqual(windows);
    const table = warm
      .split('\n')
      .slice(4, 13)
      .map((line) => line.trim().split(/ +/));
    expect(table[0]).toEqual(['cold', 'warm', 'gain']);
    expect(table.slice(1, 8).map(([name]) => name)).toEqual([
      'images_per_sec',
      'data_ms',
      'compute_ms',
      'first_batch_ms',
      'total_s',
      'mib_read',
      'loss',
    ]);
    const result = lastJson(stdout) as { cold: Record<string, number>; warm: Record<string, number>; speedup: number; order: string };
    expect(result.cold).toMatchObject({ steps: 20, images: 320, loss: result.warm['loss'] });
    expect(result.warm).toMatchObject({ steps: 20, images: 320, bytesRead: result.cold['bytesRead'] });
    expect(table[1]).toEqual([
      'images_per_sec',
      result.cold['imagesPerSec']?.toFixed(1),
      result.warm['imagesPerSec']?.toFixed(1),
      `${result.speedup.toFixed(2)}x`,
    ]);
    expect(stdout).toContain(`order=${result.order}  (the same in both runs)\n`);
    expect(result.order).toMatch(/^[0-9a-f]{64}$/);
    const page = await readFile(report, 'utf8');
    expect(page).toContain('<th scope="col">cold</th><th scope="col">warm</th><th scope="col">gain</th>');
    await expect(readFile(path('never.safetensors'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(readFile(path('never.onnx'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('refuses to compare when the second run saw something else', async () => {
    const root = path('changing');
    const other = path('changed');
    for (const [each, firstKey] of [
      [root, 0],
      [other, 100],
    ] as const) {
      await mkdir(each);
      await writeShards(each, { samples: 40, firstKey });
    }
    copyFileSync(join(other, 'shard-000000.tar'), path('next.tar'));
    const args = ['compare', '--train-root', root, '--classes', '4', '--batch-size', '8', '--num-workers', '0', '--steps', '300'];
    const { exit, stderr } = await runCli([...args, '--log-every', '1', '--threads', '1'], (line) => {
      // In the course of the first run, which has begun with the other keys.
      if (line.startsWith('step=1 ') && existsSync(path('next.tar'))) renameSync(path('next.tar'), join(root, 'shard-000000.tar'));
    });
    expect(stderr).toMatch(/both runs did not see the same images in the same order .* did shards change in between\? Compare again/);
    expect(exit).toBe(1);
  });
});

describe('the plan of the mount', () => {
  it('has the shards of both roots in the order of each epoch, which reads from both of them all the time', async () => {
    const plan = path('wd/.warpdrive/plan');
    await mkdir(path('wd/.warpdrive'));
    await writeFile(plan, '');
    const run = async (steps: number): Promise<string[]> => {
      await trainHere({ train_root_a: rootA, train_root_b: rootB, batch_size: 16, steps });
      return (await readFile(plan, 'utf8')).trimEnd().split('\n');
    };
    const all = ['a', 'b'].flatMap((root) => Array.from({ length: 6 }, (_, index) => `${root}/train/shard-00000${index}.tar`));
    const [first, second] = [await run(2), await run(17)];
    for (const lines of [first, second]) {
      expect(lines.toSorted()).toEqual(all);
      // Of any two neighbours one is of each root.
      for (let index = 0; index < lines.length; index += 2)
        expect(new Set(lines.slice(index, index + 2).map((line) => line[0])).size).toBe(2);
    }
    expect(second).not.toEqual(first);
    expect(await run(2)).toEqual(first);
  });

  it('has of an epoch that is resumed what is not read yet', async () => {
    const plan = path('wd/.warpdrive/plan');
    const settings = { train_root_a: rootA, train_root_b: rootB, batch_size: 16, steps: 15, checkpoint: path('planned') };
    await trainHere(settings, { stopBehind: 13 });
    const whole = (await readFile(plan, 'utf8')).trimEnd().split('\n');
    const { keys } = await trainHere(settings, { resume: true });
    const rest = (await readFile(plan, 'utf8')).trimEnd().split('\n');
    // All shards were walked over, and of some of them samples wait in the buffer of the shuffle.
    const shardOf = (key: number): string =>
      `${key < 1000 ? 'a' : 'b'}/train/shard-${String(Math.floor((key % 1000) / 20)).padStart(6, '0')}.tar`;
    const unread = new Set(keys.flat().map((key) => shardOf(Number(key))));
    expect(whole).toHaveLength(12);
    expect(rest).toEqual(whole.filter((line) => unread.has(line)));
  });
});
