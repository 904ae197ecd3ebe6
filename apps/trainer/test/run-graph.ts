import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { GraphBuilder } from '../src/onnx/graph-builder.ts';

export type Feeds = Readonly<Record<string, Tensor>>;

export function float32(data: ArrayLike<number>, shape: readonly number[]): Tensor {
  return new Tensor('float32', Float32Array.from(data), shape);
}

export function int64(data: readonly number[], shape: readonly number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(data, BigInt), shape);
}

/** Loads a model; `run` gives its results by name. */
export async function load(model: GraphBuilder | Uint8Array): Promise<(feeds: Feeds) => Promise<Record<string, Tensor>>> {
  const session = await InferenceSession.create(model instanceof Uint8Array ? model : model.build(), {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  return async (feeds) => ({ ...(await session.run(feeds)) });
}

/** The elements of a float32 result. */
export function numbers(tensor: Tensor | undefined): number[] {
  if (!(tensor?.data instanceof Float32Array)) throw new Error('not a float32 tensor');
  return [...tensor.data];
}

/** Repeatable numbers from -1 to 1, none of them closer to 0 than `gap`. */
export function samples(count: number, seed: number, gap = 0): number[] {
  let state = seed * 2654435761 + 1;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    const value = (state / 0x7fffffff) * 2 - 1;
    return Math.sign(value) * (gap + Math.abs(value) * (1 - gap));
  });
}
