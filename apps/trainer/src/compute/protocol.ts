import type { AdamState } from '../model/adam.ts';
import type { Network } from '../model/network.ts';

/** What the compute thread is started with. */
export interface ComputeSetup {
  readonly network: Network;
  /** Images of every batch; a smaller last one of an evaluation is filled up. */
  readonly batchSize: number;
  /** CPU threads of ONNX Runtime. */
  readonly threads: number;
  readonly state: TrainingState;
  /** What will be asked for first; its graph is loaded at the start, so that no step pays for it. */
  readonly first: 'train' | 'evaluate';
}

/** All that training changes, as plain vectors. */
export type TrainingState = AdamState<Float32Array>;

/** Images as bytes [size, height, width, channels], with their classes. */
export interface LabelledImages {
  readonly size: number;
  readonly pixels: Uint8Array;
  readonly labels: Int32Array;
}

/** What a training step depends on besides the images. */
export interface StepSettings {
  /** Counts from 1. */
  readonly step: number;
  readonly learningRate: number;
  /** How far the images are moved, in pixels: rows down, columns right. */
  readonly shift: readonly [number, number];
}

/** Sums over the images of one batch. */
export interface EvaluationSums {
  readonly loss: number;
  readonly correct: number;
}

/** What can be asked of whoever computes. One request at a time. */
export interface Compute {
  /** One step of the optimizer; returns the mean loss of the batch before it. */
  train(images: LabelledImages, settings: StepSettings): Promise<number>;
  evaluate(images: LabelledImages): Promise<EvaluationSums>;
  /** A copy of the present state. */
  state(): Promise<TrainingState>;
}

export type ComputeRequest =
  | { readonly kind: 'train'; readonly images: LabelledImages; readonly settings: StepSettings }
  | { readonly kind: 'evaluate'; readonly images: LabelledImages }
  | { readonly kind: 'state' };

export type ComputeReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'trained'; readonly loss: number }
  | { readonly kind: 'evaluated'; readonly sums: EvaluationSums }
  | { readonly kind: 'state'; readonly state: TrainingState }
  | { readonly kind: 'failed'; readonly message: string };
