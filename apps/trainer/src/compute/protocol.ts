import type { TrainerErrorCode } from '../errors.ts';
import type { Network } from '../model/network.ts';
import type { Optimizer } from '../model/optimizer.ts';
import type { TrainingState } from '../model/training-state.ts';

/** What a network can be computed on: this machine's processor, or its graphics card through WebGPU. */
export type Device = 'cpu' | 'webgpu';

/** What the compute thread is started with. */
export interface ComputeSetup {
  readonly network: Network;
  readonly optimizer: Optimizer;
  /** Images of every batch; a smaller last one of an evaluation is filled up. */
  readonly batchSize: number;
  readonly device: Device;
  /** CPU threads of ONNX Runtime. */
  readonly threads: number;
  /** Where to begin: `initialState`, or that of a checkpoint. */
  readonly state: TrainingState;
  /** What will be asked for first; its graph is loaded at the start, so that no step pays for it. */
  readonly first: 'train' | 'evaluate';
}

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
}

/** Sums over the real images of one batch; what fills it up is not counted. */
export interface EvaluationSums {
  /** Of the cross entropies, in nats. */
  readonly loss: number;
  /** How many images have the right class as the likeliest one. */
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
  | { readonly kind: 'failed'; readonly code: TrainerErrorCode; readonly message: string };
