import { describe, expect, it } from 'vitest';
import type { Compute, LabelledImages, StepSettings } from '../src/compute/protocol.ts';
import { FIRST_POSITION } from '../src/data/batch-source.ts';
import type { Batch, BatchSource } from '../src/data/batch-source.ts';
import { BatchesAhead } from '../src/data/batches-ahead.ts';
import { observers } from '../src/training/observer.ts';
import { train } from '../src/training/train.ts';
import type { Progress, TrainOptions, TrainResult } from '../src/training/train.ts';
import type { WindowSummary } from '../src/training/window.ts';

/** A clock that moves only when told. */
class Clock {
  ms = 1000;
  readonly now = (): number => this.ms;
}

/** Epochs of `batches` batches; each takes `waitMs` to come. `held` counts those that were not released. */
class FakeSource implements BatchSource {
  readonly asked: string[] = [];
  held = 0;
  readonly #batches: number;
  readonly #before: () => Promise<void> | void;

  constructor(batches: number, before: () => Promise<void> | void = () => undefined) {
    this.#batches = batches;
    this.#before = before;
  }

  epoch(n: number): AsyncGenerator<Batch> {
    return this.#from(n, 0);
  }

  resume(state: unknown): AsyncGenerator<Batch> {
    const [n, index] = state as [number, number];
    return this.#from(n, index + 1);
  }

  async *#from(n: number, first: number): AsyncGenerator<Batch> {
    for (let index = first; index < this.#batches; index++) {
      await this.#before();
      this.asked.push(`${n}.${index}`);
      this.held++;
      let held = true;
      const release = (): void => {
        if (held) this.held--;
        held = false;
      };
      const state = (): unknown => {
        if (!held) throw new Error('the batch was released');
        return [n, index];
      };
      yield {
        size: 2,
        pixels: new Uint8Array(2),
        labels: Int32Array.of(0, 1),
        keys: [`${n}.${index}a`, `${n}.${index}b`],
        state,
        release,
      };
    }
  }
}

/** Answers with the losses given, one after the other. */
class FakeCompute implements Compute {
  readonly settings: StepSettings[] = [];
  readonly #step: (step: number) => Promise<number> | number;

  constructor(step: (step: number) => Promise<number> | number) {
    this.#step = step;
  }

  async train(_: LabelledImages, settings: StepSettings): Promise<number> {
    this.settings.push(settings);
    return this.#step(settings.step);
  }

  evaluate = () => Promise.reject(new Error('not asked for'));
  state = () => Promise.reject(new Error('not asked for'));
}

type Options = Omit<TrainOptions, 'batches'> & { source: BatchSource; epochs: number };

/** Trains on the batches of a source. */
async function trainOn({ source, epochs, ...options }: Options): Promise<TrainResult> {
  await using batches = new BatchesAhead(source, options.start.position, epochs, options.signal);
  return await train({ ...options, batches });
}

function fixture(overrides: Partial<Options> & Pick<Options, 'source' | 'compute'>) {
  const windows: [step: number, window: WindowSummary][] = [];
  const saves: Progress[] = [];
  const options: Options = {
    start: { step: 0, position: FIRST_POSITION },
    steps: 5,
    epochs: Infinity,
    settingsOf: (step) => ({ step, learningRate: 0.1 }),
    logEvery: 2,
    saveEvery: 100,
    evaluateEvery: undefined,
    observer: observers([{ onWindow: (step, window) => void windows.push([step, window]) }]),
    onSave: (progress) => {
      saves.push(progress);
      return Promise.resolve();
    },
    onEvaluate: () => Promise.reject(new Error('not asked for')),
    signal: new AbortController().signal,
    now: () => 0,
    ...overrides,
  };
  return { options, windows, saves };
}

describe('the training loop', () => {
  it('reports true means over each window, also over the incomplete last one', async () => {
    const clock = new Clock();
    const source = new FakeSource(10, () => void (clock.ms += 3));
    const compute = new FakeCompute((step) => {
      clock.ms += 10 * step;
      return step;
    });
    const { options, windows } = fixture({ source, compute, now: clock.now });
    const result = await trainOn(options);
    // The first batch is waited for; the others are collected while a step computes, so the clock's 3 ms fall into that.
    expect(windows.map(([step]) => step)).toEqual([2, 4, 5]);
    expect(windows.map(([, window]) => window.loss)).toEqual([1.5, 3.5, 5]);
    expect(windows.map(([, window]) => window.steps)).toEqual([2, 2, 1]);
    expect(windows.map(([, window]) => window.dataMs)).toEqual([1.5, 0, 0]);
    const wall = windows.reduce((sum, [, { images, imagesPerSec }]) => sum + (images * 1000) / imagesPerSec, 0);
    expect(wall).toBeCloseTo(clock.ms - 1000);
    expect(result.total).toMatchObject({ steps: 5, images: 10, loss: 3, dataMs: 3 / 5 });
    expect(result.total.imagesPerSec).toBeCloseTo((10 * 1000) / (clock.ms - 1000));
    expect(result.lastWindow).toBe(windows.at(-1)?.[1]);
    expect(source.held).toBe(0);
  });

  it('collects the next batch while a step computes, one and no more', async () => {
    const source = new FakeSource(10);
    const seen: number[] = [];
    const compute = new FakeCompute(async () => {
      await new Promise(setImmediate);
      seen.push(source.asked.length);
      return 1;
    });
    await trainOn(fixture({ source, compute, steps: 4 }).options);
    expect(seen).toEqual([2, 3, 4, 4]);
  });

  it('goes through epoch after epoch and remembers where it is', async () => {
    const source = new FakeSource(3);
    const { options } = fixture({ source, compute: new FakeCompute(() => 1), steps: 7 });
    const { progress } = await trainOn(options);
    expect(source.asked).toEqual(['0.0', '0.1', '0.2', '1.0', '1.1', '1.2', '2.0']);
    expect(progress).toEqual({ step: 7, position: { epoch: 2, batch: 1, state: [2, 0] } });
  });

  it('begins at the place of a checkpoint, also at the very end of an epoch', async () => {
    const source = new FakeSource(3);
    const start = { step: 6, position: { epoch: 1, batch: 3, state: [1, 2] } };
    const compute = new FakeCompute(() => 1);
    const { progress } = await trainOn(fixture({ source, compute, start, steps: 8 }).options);
    expect(source.asked).toEqual(['2.0', '2.1']);
    expect(progress).toEqual({ step: 8, position: { epoch: 2, batch: 2, state: [2, 1] } });
    expect(compute.settings.map(({ step }) => step)).toEqual([7, 8]);
  });

  it('has nothing to do when all steps are done', async () => {
    const source = new FakeSource(3);
    const { options, saves } = fixture({
      source,
      compute: new FakeCompute(() => 1),
      start: { step: 5, position: { epoch: 1, batch: 2, state: [1, 1] } },
    });
    const result = await trainOn(options);
    expect(result).toMatchObject({ progress: options.start, lastWindow: undefined, total: { steps: 0, images: 0, imagesPerSec: 0 } });
    expect(source.asked).toEqual([]);
    expect(saves).toEqual([]);
  });

  it('ends behind the last batch of the last epoch', async () => {
    const source = new FakeSource(3);
    const { options, saves, windows } = fixture({ source, compute: new FakeCompute(() => 1), steps: Infinity, epochs: 2 });
    const { progress } = await trainOn(options);
    expect(progress).toEqual({ step: 6, position: { epoch: 1, batch: 3, state: [1, 2] } });
    expect(saves).toEqual([progress]);
    expect(windows.map(([step]) => step)).toEqual([2, 4, 6]);
    expect(source.held).toBe(0);
    // Going on from there, there is nothing left to do.
    const again = await trainOn({ ...options, start: progress });
    expect(again).toMatchObject({ progress, total: { steps: 0 } });
  });

  it('asks with each step for its settings, and for the state of a batch only to save it', async () => {
    const compute = new FakeCompute(() => 1);
    const settingsOf = (step: number): StepSettings => ({ step, learningRate: 1 / step });
    const { options, saves } = fixture({ source: new FakeSource(9), compute, steps: 4, saveEvery: 3, settingsOf });
    await trainOn(options);
    expect(compute.settings).toEqual([1, 2, 3, 4].map(settingsOf));
    expect(saves.map(({ position }) => position.state)).toEqual([
      [0, 2],
      [0, 3],
    ]);
  });

  it('evaluates every so often, before it saves, in a time that counts in no window', async () => {
    const clock = new Clock();
    const events: string[] = [];
    const { options, windows } = fixture({
      source: new FakeSource(9),
      compute: new FakeCompute(() => {
        clock.ms += 10;
        return 1;
      }),
      now: clock.now,
      logEvery: 3,
      evaluateEvery: 2,
      saveEvery: 2,
      onEvaluate: ({ step }) => {
        events.push(`evaluate ${step}`);
        clock.ms += 1000;
        return Promise.resolve();
      },
      onSave: ({ step }) => Promise.resolve(void events.push(`save ${step}`)),
    });
    const { total } = await trainOn(options);
    expect(events).toEqual(['evaluate 2', 'save 2', 'evaluate 4', 'save 4', 'save 5']);
    expect(windows.map(([, { imagesPerSec }]) => imagesPerSec)).toEqual([200, 200]);
    expect(total.imagesPerSec).toBe(200);
  });

  it('saves every so often and at the end, but never twice the same', async () => {
    const steps = async (count: number): Promise<number[]> => {
      const { options, saves } = fixture({ source: new FakeSource(9), compute: new FakeCompute(() => 1), steps: count, saveEvery: 2 });
      await trainOn(options);
      return saves.map(({ step }) => step);
    };
    expect(await steps(5)).toEqual([2, 4, 5]);
    expect(await steps(4)).toEqual([2, 4]);
  });

  it('stops after the step under way, saves, and gives all batches back', async () => {
    const abort = new AbortController();
    const source = new FakeSource(9);
    const compute = new FakeCompute((step) => {
      if (step === 3) abort.abort(new Error('stop'));
      return 1;
    });
    const { options, saves, windows } = fixture({ source, compute, signal: abort.signal });
    const { progress } = await trainOn(options);
    expect(progress.step).toBe(3);
    expect(saves).toEqual([progress]);
    expect(windows.map(([step]) => step)).toEqual([2, 3]);
    expect(source.held).toBe(0);
  });

  it.each(['fails when it is stopped', 'ends by itself later'])('stops at once while it waits for data that %s', async (how) => {
    const abort = new AbortController();
    let batches = 0;
    const source = new FakeSource(9, async () => {
      if (++batches < 3) return;
      setImmediate(() => abort.abort(new Error('stop')));
      await new Promise<void>((resolve, reject) => {
        abort.signal.addEventListener('abort', () => (how.startsWith('fails') ? reject(new Error('aborted')) : setImmediate(resolve)));
      });
    });
    const { options, saves } = fixture({ source, compute: new FakeCompute(() => 1), signal: abort.signal });
    expect((await trainOn(options)).progress.step).toBe(2);
    expect(saves.map(({ step }) => step)).toEqual([2]);
    expect(source.held).toBe(0);
  });

  it('saves what was learnt when the data fails, and hands the fault on', async () => {
    let batches = 0;
    const source = new FakeSource(9, () => {
      if (++batches === 4) throw new Error('the shard is truncated');
    });
    const { options, saves } = fixture({ source, compute: new FakeCompute(() => 1) });
    await expect(trainOn(options)).rejects.toThrow('the shard is truncated');
    expect(saves).toEqual([{ step: 3, position: { epoch: 0, batch: 3, state: [0, 2] } }]);
    expect(source.held).toBe(0);
  });

  it('ends when the loss is no longer a number, and saves nothing of it', async () => {
    const { options, saves } = fixture({ source: new FakeSource(9), compute: new FakeCompute((step) => (step === 3 ? NaN : 1)) });
    await expect(trainOn(options)).rejects.toMatchObject({ code: 'DIVERGED', message: 'the loss of step 3 is NaN; lower --learning-rate' });
    expect(saves).toEqual([]);
  });

  it('says so when there is not one full batch, instead of looking for ever', async () => {
    const { options } = fixture({ source: new FakeSource(0), compute: new FakeCompute(() => 1) });
    await expect(trainOn(options)).rejects.toMatchObject({ code: 'TOO_FEW_SAMPLES' });
  });
});
