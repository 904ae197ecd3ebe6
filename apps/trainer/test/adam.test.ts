import { describe, expect, it } from 'vitest';
import { adamStep } from '../src/model/adam.ts';
import { GraphBuilder } from '../src/onnx/graph-builder.ts';
import { float32, int64, load, numbers, samples } from './run-graph.ts';

/** Algorithm 1 of the paper, in double precision. */
class ReferenceAdam {
  readonly weights: number[];
  readonly #m: number[];
  readonly #v: number[];
  #t = 0;

  constructor(weights: readonly number[]) {
    this.weights = [...weights];
    this.#m = weights.map(() => 0);
    this.#v = weights.map(() => 0);
  }

  step(gradient: readonly number[], learningRate: number): void {
    this.#t++;
    gradient.forEach((g, i) => {
      this.#m[i] = 0.9 * this.#m[i]! + 0.1 * g;
      this.#v[i] = 0.999 * this.#v[i]! + 0.001 * g * g;
      const m = this.#m[i] / (1 - 0.9 ** this.#t);
      const v = this.#v[i] / (1 - 0.999 ** this.#t);
      this.weights[i]! -= (learningRate * m) / (Math.sqrt(v) + 1e-8);
    });
  }
}

describe('adam', () => {
  it('moves the weights as the paper says, over many steps and changing learning rates', async () => {
    const size = 20;
    const graph = new GraphBuilder('adam');
    const vector = (name: string) => graph.input(name, 'float32', [size]);
    const state = { weights: vector('weights'), firstMoment: vector('firstMoment'), secondMoment: vector('secondMoment') };
    const next = adamStep(state, vector('gradient'), graph.input('step', 'int64', []), graph.input('learningRate', 'float32', []));
    graph.output('new weights', next.weights);
    graph.output('new firstMoment', next.firstMoment);
    graph.output('new secondMoment', next.secondMoment);
    const run = await load(graph);

    const start = samples(size, 1);
    const reference = new ReferenceAdam(start);
    let feeds = {
      weights: float32(start, [size]),
      firstMoment: float32(
        start.map(() => 0),
        [size],
      ),
      secondMoment: float32(
        start.map(() => 0),
        [size],
      ),
    };
    for (let step = 1; step <= 50; step++) {
      // Gradients of very different sizes: Adam's steps do not depend on the scale.
      const gradient = samples(size, step).map((value, index) => value * 10 ** ((index % 5) - 3));
      const learningRate = 0.1 / step;
      reference.step(gradient, learningRate);
      const results = await run({
        ...feeds,
        gradient: float32(gradient, [size]),
        step: int64([step], []),
        learningRate: float32([learningRate], []),
      });
      feeds = { weights: results['new weights']!, firstMoment: results['new firstMoment']!, secondMoment: results['new secondMoment']! };
      numbers(feeds.weights).forEach((weight, index) =>
        expect(weight, `step ${step}, weight ${index}`).toBeCloseTo(reference.weights[index]!, 5),
      );
    }
  });
});
