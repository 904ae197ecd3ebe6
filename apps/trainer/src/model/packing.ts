import type { GraphBuilder, Value } from '../onnx/graph-builder.ts';
import { concatenate, reshape, split } from '../onnx/operators.ts';
import type { Parameter } from './network.ts';
import { elementCount } from './training-state.ts';

/** Between a vector of the training state and the tensors that it consists of, as graph nodes. */

/** Cuts the vector into its tensors. */
export function unpack(tensors: readonly Parameter[], vector: Value): Map<string, Value> {
  if (tensors.length === 0) return new Map();
  const parts = split(
    vector,
    tensors.map((tensor) => elementCount([tensor])),
  );
  return new Map(parts.map((part, index) => [tensors[index]?.name ?? '', reshape(part, tensors[index]?.shape ?? [])]));
}

/** The opposite of `unpack`. */
export function pack(parts: readonly Value[]): Value {
  const [first, ...others] = parts.map((part) => reshape(part, [part.elements]));
  if (first === undefined) throw new Error('a vector has at least one part');
  return concatenate([first, ...others], 0);
}

/** The tensors of a vector as constants of a graph, under their names. */
export function constants(tensors: readonly Parameter[], graph: GraphBuilder, vector: Float32Array): Map<string, Value> {
  let position = 0;
  return new Map(
    tensors.map((tensor) => {
      const part = vector.subarray(position, (position += elementCount([tensor])));
      return [tensor.name, graph.constant(part, tensor.shape, tensor.name)];
    }),
  );
}
