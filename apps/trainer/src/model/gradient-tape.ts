import type { GraphBuilder, Value } from '../onnx/graph-builder.ts';
import { add } from '../onnx/operators.ts';

/** One argument of a differentiable function, and how the gradient of its result flows back to this argument. */
export interface Dependency {
  readonly input: Value;
  /** From the gradient with respect to the result to the gradient with respect to `input`. Called at most once, and only when it is needed. */
  readonly gradient: (resultGradient: Value) => Value;
}

interface Step {
  readonly result: Value;
  readonly dependencies: readonly Dependency[];
}

/**
 * Remembers how values were computed, and adds the nodes that compute their gradients (reverse-mode differentiation).
 * The layers record themselves here. As long as `gradients` is not called, recording adds nothing to the graph.
 */
export class GradientTape {
  readonly graph: GraphBuilder;
  readonly #steps: Step[] = [];

  constructor(graph: GraphBuilder) {
    this.graph = graph;
  }

  /** Notes that `result` was computed from `dependencies`; gives `result` back. */
  record(result: Value, dependencies: readonly Dependency[]): Value {
    this.#steps.push({ result, dependencies });
    return result;
  }

  /** The gradients of the scalar `loss` with respect to each of `targets`, in the same order and shapes. */
  gradients(loss: Value, targets: readonly Value[]): Value[] {
    const relevant = this.#dependingOn(targets);
    const gradients = new Map<Value, Value>([[loss, this.graph.scalar(1)]]);
    for (const { result, dependencies } of this.#steps.toReversed()) {
      const resultGradient = gradients.get(result);
      if (resultGradient === undefined) continue;
      for (const { input, gradient } of dependencies) {
        if (!relevant.has(input)) continue;
        const contribution = gradient(resultGradient);
        const others = gradients.get(input);
        gradients.set(input, others ? add(others, contribution) : contribution);
      }
    }
    return targets.map((target) => {
      const gradient = gradients.get(target);
      if (gradient === undefined) throw new Error(`${loss.name} does not depend on ${target.name}`);
      return gradient;
    });
  }

  /** `targets` and every recorded value that was computed from them: only these need gradients. */
  #dependingOn(targets: readonly Value[]): Set<Value> {
    const relevant = new Set(targets);
    for (const { result, dependencies } of this.#steps) {
      if (dependencies.some(({ input }) => relevant.has(input))) relevant.add(result);
    }
    return relevant;
  }
}
