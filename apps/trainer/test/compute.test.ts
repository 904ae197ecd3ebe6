import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { ComputeThread } from '../src/compute/compute-thread.ts';
import { GraphRunner } from '../src/compute/graph-runner.ts';
import type { ComputeSetup, LabelledImages } from '../src/compute/protocol.ts';
import { inferenceGraph } from '../src/model/graphs.ts';
import { networkOf } from '../src/model/network.ts';
import { initialWeights } from '../src/model/weights.ts';
import { referenceLoss } from './reference-network.ts';
import { samples } from './run-graph.ts';

const network = networkOf({ height: 9, width: 8, channels: 3, classes: 4 }, [4, 6]);
const IMAGE = 9 * 8 * 3;
const weights = initialWeights(network, 3);
const setup: ComputeSetup = {
  network,
  batchSize: 5,
  threads: 1,
  state: { weights, firstMoment: new Float32Array(weights.length), secondMoment: new Float32Array(weights.length) },
  first: 'train',
};

function images(size: number): LabelledImages {
  const pixels = new Uint8Array(new SharedArrayBuffer(size * IMAGE));
  pixels.set(samples(size * IMAGE, 11).map((value) => Math.round((value + 1) * 127.5)));
  return { size, pixels, labels: Int32Array.from({ length: size }, (_, index) => index % 4) };
}

const settings = { step: 1, learningRate: 0.01, shift: [0, 0] } as const;

describe('computing', () => {
  it('learns: the loss that training reports is that of the weights before, and it falls', async () => {
    await using runner = await GraphRunner.open(setup);
    const batch = images(5);
    const losses: number[] = [];
    for (let step = 1; step <= 30; step++) losses.push(await runner.train(batch, { ...settings, step }));
    expect(losses[0]).toBeCloseTo(referenceLoss(network, weights, batch.pixels, batch.labels), 4);
    const after = await runner.state();
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 10);
    expect((await runner.evaluate(batch)).loss / 5).toBeCloseTo(referenceLoss(network, after.weights, batch.pixels, batch.labels), 4);
    expect((await runner.evaluate(batch)).correct).toBe(5);
  });

  it('counts only the real images of a batch that is not full', async () => {
    await using runner = await GraphRunner.open(setup);
    const whole = images(5);
    const each = await Promise.all(
      Array.from({ length: 5 }, async (_, index) => {
        await using one = await GraphRunner.open({ ...setup, batchSize: 1, first: 'evaluate' });
        return await one.evaluate({
          size: 1,
          pixels: whole.pixels.subarray(index * IMAGE, (index + 1) * IMAGE),
          labels: whole.labels.subarray(index, index + 1),
        });
      }),
    );
    for (let size = 1; size <= 5; size++) {
      const sums = await runner.evaluate({ size, pixels: whole.pixels.subarray(0, size * IMAGE), labels: whole.labels.subarray(0, size) });
      expect(sums.loss).toBeCloseTo(
        each.slice(0, size).reduce((sum, { loss }) => sum + loss, 0),
        4,
      );
      expect(sums.correct).toBe(each.slice(0, size).reduce((sum, { correct }) => sum + correct, 0));
    }
  });

  it('gives the same results in its thread, where the caller stays free', async () => {
    await using runner = await GraphRunner.open(setup);
    await using thread = new ComputeThread(setup);
    const batch = images(5);
    for (let step = 1; step <= 3; step++) {
      expect(await thread.train(batch, { ...settings, step, shift: [0, 0] })).toBe(await runner.train(batch, { ...settings, step }));
    }
    expect(await thread.evaluate(batch)).toEqual(await runner.evaluate(batch));
    expect(await thread.state()).toEqual(await runner.state());
  });

  it('reports a failure of the graph, and one of the thread, as its own error', async () => {
    const thread = new ComputeThread(setup);
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

  it('exports a network that needs nothing of ours and takes any number of images', async () => {
    const session = await InferenceSession.create(inferenceGraph(network, weights), { intraOpNumThreads: 1 });
    const batch = images(5);
    for (const size of [1, 3, 5]) {
      const pixels = Uint8Array.from(batch.pixels.subarray(0, size * IMAGE));
      const { probabilities } = await session.run({ pixels: new Tensor('uint8', pixels, [size, 9, 8, 3]) });
      expect(probabilities?.dims).toEqual([size, 4]);
      const rows = Array.from({ length: size }, (_, index) => [...(probabilities!.data as Float32Array)].slice(index * 4, index * 4 + 4));
      for (const row of rows) expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
      const loss = rows.reduce((sum, row, index) => sum - Math.log(row[index % 4]!), 0) / size;
      expect(loss).toBeCloseTo(referenceLoss(network, weights, pixels, batch.labels.subarray(0, size)), 4);
    }
    await session.release();
  });
});
