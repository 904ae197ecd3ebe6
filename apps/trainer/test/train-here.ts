import { loadConfig } from '../src/config/load.ts';
import type { Overrides } from '../src/config/load.ts';
import { prepare } from '../src/session/prepare.ts';
import { trainOnce } from '../src/session/session.ts';
import type { SessionResult } from '../src/session/session.ts';
import { CheckpointKeeper } from '../src/training/checkpoint-keeper.ts';

export interface Trained {
  /** Of each step that was done here. */
  readonly losses: readonly number[];
  readonly keys: readonly (readonly string[])[];
  readonly result: SessionResult;
}

/** Trains as `warpforge-train run` does, in this process, with a network that is small enough to be quick. */
export async function trainHere(
  settings: Overrides,
  { resume = false, stopBehind = Infinity }: { readonly resume?: boolean; readonly stopBehind?: number } = {},
): Promise<Trained> {
  const small = { classes: 4, threads: 1, width: 8, depth: 2, batch_size: 8, num_workers: 0 };
  const config = await loadConfig({ file: undefined, overrides: { ...small, ...settings }, needs: [] });
  const stop = new AbortController();
  const preparation = await prepare(config, { resume }, stop.signal);
  const keeper = config.checkpoint === undefined ? undefined : new CheckpointKeeper(config.checkpoint, preparation.start);
  const losses: number[] = [];
  const keys: (readonly string[])[] = [];
  const result = await trainOnce({
    config,
    preparation,
    fromMemory: undefined,
    keeper,
    observers: [
      {
        onStep: (step, { loss }, batch) => {
          losses.push(loss);
          keys.push([...batch.keys]);
          if (step === stopBehind) stop.abort(new Error('stop'));
        },
      },
    ],
    signal: stop.signal,
  });
  return { losses, keys, result };
}
