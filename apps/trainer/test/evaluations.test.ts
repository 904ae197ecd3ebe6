import { describe, expect, it } from 'vitest';
import type { Compute } from '../src/compute/protocol.ts';
import { Evaluations } from '../src/session/evaluations.ts';

const EVALUATION = { accuracy: 0.5, loss: 1, images: 10 };
const after = (step: number) => ({ step, position: { epoch: 0, batch: step } });
const never = () => Promise.reject(new Error('not asked for'));
const compute: Compute = { train: never, evaluate: never, state: () => Promise.resolve({}) };

function fixture(evaluate: () => Promise<typeof EVALUATION>) {
  const told: unknown[] = [];
  const offered: number[] = [];
  const stop = new AbortController();
  const evaluations = new Evaluations({
    compute,
    images: { evaluate },
    keeper: { offer: (_, { step }) => Promise.resolve(offered.push(step) > 0) },
    observer: { onEvaluation: (...event) => void told.push(event) },
    signal: stop.signal,
  });
  return { evaluations, told, offered, stop };
}

describe('the evaluations of a training', () => {
  it('are told, and offered as the best, but none is done twice', async () => {
    let done = 0;
    const { evaluations, told, offered } = fixture(() => Promise.resolve({ ...EVALUATION, images: ++done }));
    expect(await evaluations.evaluate(after(4), 'on-the-way')).toMatchObject({ images: 1 });
    expect(await evaluations.evaluate(after(8), 'on-the-way')).toMatchObject({ images: 2 });
    expect(await evaluations.evaluate(after(8), 'at-the-end')).toMatchObject({ images: 2 });
    expect(told).toEqual([
      [4, { ...EVALUATION, images: 1 }, 'on-the-way'],
      [8, { ...EVALUATION, images: 2 }, 'on-the-way'],
    ]);
    expect(offered).toEqual([4, 8]);
  });

  it('end without a result when the training is stopped, but a fault is a fault', async () => {
    const { evaluations, told, stop } = fixture(() => {
      stop.abort(new Error('stop'));
      return Promise.reject(stop.signal.reason as Error);
    });
    expect(await evaluations.evaluate(after(1), 'on-the-way')).toBeUndefined();
    expect(await evaluations.evaluate(after(2), 'at-the-end')).toBeUndefined();
    expect(told).toEqual([]);
    await expect(fixture(() => Promise.reject(new Error('no disk'))).evaluations.evaluate(after(1), 'at-the-end')).rejects.toThrow(
      'no disk',
    );
  });
});
