import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { networkOf } from '../src/model/network.ts';
import { initialState } from '../src/model/training-state.ts';
import { bestPath, CheckpointKeeper } from '../src/training/checkpoint-keeper.ts';
import { loadCheckpoint } from '../src/training/checkpoint.ts';
import { temporaryFolder } from './shards.ts';

const network = networkOf({ height: 4, width: 4, channels: 1, classes: 2 }, { model: 'softmax' });
const optimizer = { kind: 'sgd', momentum: 0.9, weightDecay: 0 } as const;
const run = { network, optimizer, batchSize: 4, seed: 1, dataset: { fingerprint: 'f00d', shards: 2 } };
const stateOf = (step: number) => initialState(network, optimizer, step);
const progressOf = (step: number) => ({ step, position: { epoch: 0, batch: step, state: { step } } });
const evaluation = (accuracy: number, loss: number) => ({ accuracy, loss, images: 10 });

describe('the best checkpoint', () => {
  it('is that of the best accuracy, and of as good ones that of the least loss; the latest is another file', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'state.safetensors');
    const keeper = new CheckpointKeeper(path, { run, best: undefined });
    const offer = (step: number, accuracy: number, loss: number): Promise<boolean> =>
      keeper.offer(evaluation(accuracy, loss), progressOf(step), () => Promise.resolve(stateOf(step)));
    expect(await offer(1, 0.5, 1)).toBe(true);
    expect(await offer(2, 0.4, 0.1)).toBe(false);
    expect(await offer(3, 0.5, 1)).toBe(false);
    expect(await offer(4, 0.5, 0.9)).toBe(true);
    await keeper.saveLatest(progressOf(5), stateOf(5));
    expect((await readdir(folder.path)).toSorted()).toEqual(['state.best.safetensors', 'state.safetensors']);
    const best = { step: 4, ...evaluation(0.5, 0.9) };
    expect(keeper.best).toEqual(best);
    expect(await loadCheckpoint(bestPath(path))).toEqual({ run, progress: progressOf(4), state: stateOf(4), best });
    expect(await loadCheckpoint(path)).toEqual({ run, progress: progressOf(5), state: stateOf(5), best });

    // Going on from it, the best one stays the best.
    const resumed = new CheckpointKeeper(path, await loadCheckpoint(path));
    expect(await resumed.offer(evaluation(0.45, 0), progressOf(6), () => Promise.reject(new Error('not asked for')))).toBe(false);
    expect(await resumed.offer(evaluation(0.6, 2), progressOf(7), () => Promise.resolve(stateOf(7)))).toBe(true);
    expect((await loadCheckpoint(bestPath(path))).progress.step).toBe(7);
  });

  it.each([
    ['state.safetensors', 'state.best.safetensors'],
    ['/a.b/state', '/a.b/state.best'],
    ['/x/run.1.ckpt', '/x/run.1.best.ckpt'],
    ['.hidden', '.hidden.best'],
  ])('beside %s is %s', (path, expected) => {
    expect(bestPath(path)).toBe(expected);
  });
});
