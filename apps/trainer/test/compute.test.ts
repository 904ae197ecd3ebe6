import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { ComputeThread } from '../src/compute/compute-thread.ts';
import { GraphRunner } from '../src/compute/graph-runner.ts';
import type { ComputeSetup, LabelledImages } from '../src/compute/protocol.ts';
import { inferenceGraph } from '../src/model/graphs.ts';
import { networkOf } from '../src/model/network.ts';
import type { ModelDesign } from '../src/model/network.ts';
import type { Optimizer } from '../src/model/optimizer.ts';
import { initialState } from '../src/model/training-state.ts';
import { referencePass } from './reference-network.ts';
import { samples } from './run-graph.ts';

const SHAPE = { height: 9, width: 8, channels: 3, classes: 4 } as const;
const IMAGE = 9 * 8 * 3;

const SOFTMAX: ModelDesign = { model: 'softmax' };
const CNN: ModelDesign = { model: 'cnn', widths: [4, 6], batchNorm: false };
const NORMED: ModelDesign = { model: 'cnn', widths: [4, 6], batchNorm: true };
const ADAMW: Optimizer = { kind: 'adamw', weightDecay: 0.01 };
const SGD: Optimizer = { kind: 'sgd', momentum: 0.9, weightDecay: 0.01 };

function setupOf(design: ModelDesign, optimizer: Optimizer, changes: Partial<ComputeSetup> = {}): ComputeSetup {
  const network = networkOf(SHAPE, design);
  const state = initialState(network, optimizer, 3);
  return { network, optimizer, batchSize: 5, device: 'cpu', threads: 1, state, first: 'train', ...changes };
}

function images(size: number, seed = 11): LabelledImages {
  const pixels = new Uint8Array(new SharedArrayBuffer(size * IMAGE));
  pixels.set(samples(size * IMAGE, seed).map((value) => Math.round((value + 1) * 127.5)));
  return { size, pixels, labels: Int32Array.from({ length: size }, (_, index) => index % 4) };
}

const settings = { step: 1, learningRate: 0.01 } as const;

const combinations: [name: string, ModelDesign, Optimizer][] = [
  ['softmax with sgd', SOFTMAX, SGD],
  ['cnn with adamw', CNN, ADAMW],
  ['cnn and batch norm with adamw', NORMED, ADAMW],
  ['cnn and batch norm with sgd', NORMED, SGD],
];

describe('computing', () => {
  it.each(combinations)(
    '%s learns: the loss that training reports is that of the weights before, and it falls',
    async (_, design, optimizer) => {
      const setup = setupOf(design, optimizer);
      const { network } = setup;
      await using runner = await GraphRunner.open(setup);
      const batch = images(5);
      const losses: number[] = [];
      for (let step = 1; step <= 40; step++) losses.push(await runner.train(batch, { step, learningRate: 0.02 }));
      expect(losses[0]).toBeCloseTo(referencePass({ network, weights: setup.state['weights']!, ...batch }).loss, 4);
      expect(losses.at(-1)).toBeLessThan(losses[0]! / 10);
      const after = await runner.state();
      expect(Object.keys(after)).toEqual(Object.keys(setup.state));
      const sums = await runner.evaluate(batch);
      const reference = referencePass({ network, weights: after['weights']!, statistics: after['statistics'], ...batch });
      expect(sums.loss / 5).toBeCloseTo(reference.loss, 4);
      expect(sums.correct).toBe(5);
    },
  );

  it('keeps running statistics of what the norms see: a tenth of each batch, with the variance estimated without bias', async () => {
    const setup = setupOf(NORMED, SGD);
    await using runner = await GraphRunner.open(setup);
    let expected = [...setup.state['statistics']!];
    for (let step = 1; step <= 4; step++) {
      const batch = images(5, step);
      const { weights } = await runner.state();
      const { statistics } = referencePass({ network: setup.network, weights: weights!, ...batch });
      expected = expected.map((value, index) => 0.9 * value + 0.1 * statistics[index]!);
      await runner.train(batch, { ...settings, step });
    }
    const { statistics } = await runner.state();
    expect(statistics).toHaveLength(2 * (4 + 6));
    statistics!.forEach((value, index) => expect(value).toBeCloseTo(expected[index]!, 4));
  });

  it.each([SGD, ADAMW].map((optimizer) => [optimizer.kind, optimizer] as const))(
    '%s lets weights decay, but neither biases nor the parameters of norms',
    async (_, optimizer) => {
      const after = async (weightDecay: number): Promise<Float32Array> => {
        const setup = setupOf(NORMED, { ...optimizer, weightDecay });
        const weights = setup.state['weights']!.map((_, index) => 0.5 + (index % 7) / 10);
        await using runner = await GraphRunner.open({ ...setup, state: { ...setup.state, weights } });
        await runner.train(images(5), { step: 1, learningRate: 0.1 });
        return (await runner.state())['weights']!;
      };
      const [without, decayed] = [await after(0), await after(0.5)];
      const { parameters } = setupOf(NORMED, optimizer).network;
      let position = 0;
      for (const { name, shape } of parameters) {
        const end = position + shape.reduce((product, size) => product * size, 1);
        for (; position < end; position++) {
          const lost = name.endsWith('.weight') ? 0.1 * 0.5 * (0.5 + (position % 7) / 10) : 0;
          expect(without[position]! - decayed[position]!, name).toBeCloseTo(lost, 5);
        }
      }
      expect(position).toBe(without.length);
    },
  );

  it.each(combinations)('%s goes on from its state as if it had never stopped, to the last bit', async (_, design, optimizer) => {
    for (const threads of [1, 2]) {
      const losses = async (runner: GraphRunner, from: number, to: number): Promise<number[]> => {
        const each: number[] = [];
        for (let step = from; step <= to; step++) each.push(await runner.train(images(5, step), { step, learningRate: 0.05 / step }));
        return each;
      };
      await using whole = await GraphRunner.open(setupOf(design, optimizer, { threads }));
      const uninterrupted = await losses(whole, 1, 9);
      expect(new Set(uninterrupted).size).toBe(9);
      let setup = setupOf(design, optimizer, { threads });
      const parts: number[] = [];
      for (const [from, to] of [
        [1, 3],
        [4, 4],
        [5, 9],
      ] as const) {
        await using part = await GraphRunner.open(setup);
        parts.push(...(await losses(part, from, to)));
        setup = { ...setup, state: await part.state() };
      }
      expect(parts).toEqual(uninterrupted);
      expect(setup.state).toEqual(await whole.state());
    }
  });

  it.each(combinations)('%s counts only the real images of a batch that is not full', async (_, design, optimizer) => {
    const setup = setupOf(design, optimizer, { first: 'evaluate' });
    await using runner = await GraphRunner.open(setup);
    await using single = await GraphRunner.open({ ...setup, batchSize: 1 });
    const whole = images(5);
    const part = (start: number, size: number): LabelledImages => ({
      size,
      pixels: whole.pixels.subarray(start * IMAGE, (start + size) * IMAGE),
      labels: whole.labels.subarray(start, start + size),
    });
    let [loss, correct] = [0, 0];
    for (let size = 1; size <= 5; size++) {
      const one = await single.evaluate(part(size - 1, 1));
      loss += one.loss;
      correct += one.correct;
      const sums = await runner.evaluate(part(0, size));
      expect(sums.loss).toBeCloseTo(loss, 4);
      expect(sums.correct).toBe(correct);
    }
  });

  it('gives the same results in its thread, where the caller stays free', async () => {
    const setup = setupOf(NORMED, ADAMW);
    await using runner = await GraphRunner.open(setup);
    await using thread = new ComputeThread(setup);
    const batch = images(5);
    for (let step = 1; step <= 3; step++) {
      expect(await thread.train(batch, { ...settings, step })).toBe(await runner.train(batch, { ...settings, step }));
    }
    expect(await thread.evaluate(batch)).toEqual(await runner.evaluate(batch));
    expect(await thread.state()).toEqual(await runner.state());
  });

  it('reports a failure of the graph, and one of the thread, as its own error', async () => {
    const thread = new ComputeThread(setupOf(CNN, ADAMW));
    await expect(thread.train(images(3), settings)).rejects.toMatchObject({ code: 'COMPUTE_FAILED' });
    // A failed step does not end it.
    expect(await thread.train(images(5), settings)).toBeGreaterThan(0);
    const ended = thread[Symbol.asyncDispose]();
    await expect(thread.train(images(5), settings)).rejects.toMatchObject({
      code: 'COMPUTE_FAILED',
      message: 'the compute thread has ended',
    });
    await ended;
    await expect(thread.state()).rejects.toMatchObject({ code: 'COMPUTE_FAILED' });
  });

  it('reports what keeps it from beginning with the code and the words that say what to do', async () => {
    const deep: ModelDesign = { model: 'cnn', widths: [4, 4, 4, 4], batchNorm: true };
    const fault = { code: 'CONFIG_INVALID', message: expect.stringContaining('raise --batch-size or lower --depth') as string };
    await using thread = new ComputeThread(setupOf(deep, SGD, { batchSize: 1 }));
    await expect(thread.ready()).rejects.toMatchObject(fault);
    await expect(thread.train(images(1), settings)).rejects.toMatchObject(fault);
  });
});

describe('an exported network', () => {
  it.each(combinations)(
    '%s needs nothing of ours, takes any number of images, and predicts what evaluation does',
    async (_, design, optimizer) => {
      const setup = setupOf(design, optimizer);
      await using runner = await GraphRunner.open(setup);
      for (let step = 1; step <= 5; step++) await runner.train(images(5, step), { ...settings, step });
      const state = await runner.state();
      const session = await InferenceSession.create(inferenceGraph(setup.network, state), { intraOpNumThreads: 1 });
      expect(session.inputNames).toEqual(['pixels']);
      const batch = images(5);
      const wanted = referencePass({ network: setup.network, weights: state['weights']!, statistics: state['statistics'], ...batch });
      const losses: number[] = [];
      for (const size of [1, 3, 5, 1000]) {
        const pixels = Uint8Array.from({ length: size * IMAGE }, (_, index) => batch.pixels[index % (5 * IMAGE)]!);
        const { probabilities } = await session.run({ pixels: new Tensor('uint8', pixels, [size, 9, 8, 3]) });
        expect(probabilities?.dims).toEqual([size, 4]);
        const data = [...(probabilities!.data as Float32Array)];
        data.forEach((value, index) => expect(value).toBeCloseTo(wanted.probabilities[Math.floor(index / 4) % 5]![index % 4]!, 4));
        losses.push(batch.labels.reduce((sum, label, index) => sum - Math.log(data[index * 4 + label] ?? Number.NaN), 0));
      }
      expect((await runner.evaluate(batch)).loss).toBeCloseTo(losses[2]!, 4);
      await session.release();
    },
  );
});
