import type { ModelOptions } from '../model/network.ts';
import type { Optimizer } from '../model/optimizer.ts';
import type { Config } from './schema.ts';

/** PyTorch's default for AdamW. */
const ADAMW_DECAY = 0.01;
/** The usual choice since Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning". */
const MOMENTUM = 0.9;

/** What the settings say about the network. */
export function modelOptionsOf({ model, width, depth, batch_norm }: Config): ModelOptions {
  return { model, width, depth, batchNorm: batch_norm };
}

/** The optimizer of the settings. */
export function optimizerOf({ optimizer, momentum = MOMENTUM, weight_decay }: Config): Optimizer {
  return optimizer === 'sgd'
    ? { kind: 'sgd', momentum, weightDecay: weight_decay ?? 0 }
    : { kind: 'adamw', weightDecay: weight_decay ?? ADAMW_DECAY };
}
