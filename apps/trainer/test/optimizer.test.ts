import { describe, expect, it } from 'vitest';
import { describeOptimizer, memoryOf, optimizerStep } from '../src/model/optimizer.ts';
import type { Optimizer } from '../src/model/optimizer.ts';
import { GraphBuilder } from '../src/onnx/graph-builder.ts';
import { float32, int64, load, numbers, samples } from './run-graph.ts';

/** One step in double precision: changes `weights`. */
type Reference = (weights: number[], gradient: readonly number[], learningRate: number) => void;

/** Adam's algorithm 1 with the decay of AdamW's algorithm 2. */
function adamw(weightDecay: number, decaying: number): Reference {
  const m: number[] = [];
  const v: number[] = [];
  let t = 0;
  return (weights, gradient, learningRate) => {
    t++;
    gradient.forEach((g, i) => {
      m[i] = 0.9 * (m[i] ?? 0) + 0.1 * g;
      v[i] = 0.999 * (v[i] ?? 0) + 0.001 * g * g;
      const step = m[i] / (1 - 0.9 ** t) / (Math.sqrt(v[i] / (1 - 0.999 ** t)) + 1e-8);
      weights[i]! -= learningRate * (step + (i < decaying ? weightDecay * weights[i]! : 0));
    });
  };
}

/** As documented for torch.optim.SGD, without dampening. */
function sgd(momentum: number, weightDecay: number, decaying: number): Reference {
  const buffer: (number | undefined)[] = [];
  return (weights, gradient, learningRate) => {
    gradient.forEach((g, i) => {
      const total = g + (i < decaying ? weightDecay * weights[i]! : 0);
      const before = buffer[i];
      buffer[i] = before === undefined ? total : momentum * before + total;
      weights[i]! -= learningRate * buffer[i];
    });
  };
}

const SIZE = 20;

describe('optimizers', () => {
  const cases: [name: string, Optimizer, decaying: number, Reference, (step: number) => number][] = [
    ['adam', { kind: 'adamw', weightDecay: 0 }, 12, adamw(0, 12), (step) => 0.1 / step],
    ['adamw', { kind: 'adamw', weightDecay: 0.3 }, 12, adamw(0.3, 12), (step) => 0.1 / step],
    ['adamw, all weights decay', { kind: 'adamw', weightDecay: 0.3 }, SIZE, adamw(0.3, SIZE), (step) => 0.1 / step],
    ['gradient descent', { kind: 'sgd', momentum: 0, weightDecay: 0 }, 12, sgd(0, 0, 12), (step) => 0.01 / step],
    ['sgd with momentum', { kind: 'sgd', momentum: 0.9, weightDecay: 0 }, 12, sgd(0.9, 0, 12), (step) => 0.01 / step],
    ['sgd with momentum and decay', { kind: 'sgd', momentum: 0.9, weightDecay: 0.2 }, 12, sgd(0.9, 0.2, 12), (step) => 0.01 / step],
    ['sgd, all weights decay', { kind: 'sgd', momentum: 0.5, weightDecay: 0.2 }, SIZE, sgd(0.5, 0.2, SIZE), () => 0.01],
  ];
  it.each(cases)(
    '%s moves the weights as its definition says, over many steps and changing learning rates',
    async (_, optimizer, decaying, reference, rate) => {
      const graph = new GraphBuilder('optimizer');
      const vector = (name: string) => graph.input(name, 'float32', [SIZE]);
      const names = memoryOf(optimizer);
      const next = optimizerStep(optimizer, {
        weights: vector('weights'),
        decaying,
        gradient: vector('gradient'),
        memory: new Map(names.map((name) => [name, vector(name)])),
        step: graph.input('step', 'int64', []),
        learningRate: graph.input('learningRate', 'float32', []),
      });
      graph.output('new weights', next.weights);
      expect([...next.memory.keys()]).toEqual(names);
      for (const [name, value] of next.memory) graph.output(`new ${name}`, value);
      const run = await load(graph);

      const expected = samples(SIZE, 1);
      let state = Object.fromEntries(names.map((name) => [name, float32(new Float32Array(SIZE), [SIZE])]));
      state['weights'] = float32(expected, [SIZE]);
      for (let step = 1; step <= 50; step++) {
        // Gradients of very different sizes: Adam's steps do not depend on the scale.
        const gradient = samples(SIZE, step).map((value, index) => value * 10 ** ((index % 5) - 3));
        const learningRate = rate(step);
        reference(expected, gradient, learningRate);
        const feeds = { ...state, gradient: float32(gradient, [SIZE]), learningRate: float32([learningRate], []) };
        const results = await run({ ...feeds, step: int64([step], []) });
        state = Object.fromEntries(['weights', ...names].map((name) => [name, results[`new ${name}`]!]));
        numbers(state['weights']).forEach((weight, index) =>
          expect(weight, `step ${step}, weight ${index}`).toBeCloseTo(expected[index]!, 5),
        );
      }
    },
  );

  it('are told in a few words', () => {
    expect(describeOptimizer({ kind: 'adamw', weightDecay: 0.01 })).toBe('adamw weight_decay=0.01');
    expect(describeOptimizer({ kind: 'sgd', momentum: 0.9, weightDecay: 0 })).toBe('sgd momentum=0.9 weight_decay=0');
  });
});
