import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learningRateAt } from '../src/training/schedule.ts';
import type { ScheduleSettings } from '../src/training/schedule.ts';

const rates = (settings: Omit<ScheduleSettings, 'learningRate'>, learningRate = 1): number[] =>
  Array.from({ length: settings.steps }, (_, index) => learningRateAt({ ...settings, learningRate }, index + 1));

describe('the learning rate', () => {
  it('stays, falls in a straight line, or falls as half a cosine', () => {
    expect(rates({ shape: 'constant', warmupSteps: 0, steps: 3 })).toEqual([1, 1, 1]);
    expect(rates({ shape: 'linear', warmupSteps: 0, steps: 4 })).toEqual([1, 0.75, 0.5, 0.25]);
    const cosine = rates({ shape: 'cosine', warmupSteps: 0, steps: 4 }, 2);
    [2, 1 + Math.SQRT1_2, 1, 1 - Math.SQRT1_2].forEach((rate, index) => expect(cosine[index]).toBeCloseTo(rate, 12));
  });

  it('rises first, to its full height, when there is a warm-up', () => {
    expect(rates({ shape: 'linear', warmupSteps: 4, steps: 8 })).toEqual([0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25]);
    expect(rates({ shape: 'constant', warmupSteps: 2, steps: 4 })).toEqual([0.5, 1, 1, 1]);
    // A warm-up as long as the training, or longer.
    expect(rates({ shape: 'cosine', warmupSteps: 4, steps: 3 })).toEqual([0.25, 0.5, 0.75]);
  });

  it('needs no end where it does not fall', () => {
    expect(learningRateAt({ shape: 'constant', learningRate: 0.1, warmupSteps: 0, steps: Infinity }, 1e9)).toBe(0.1);
  });

  it('is never more than its height, never 0, and only rises before the end of the warm-up and only falls behind it', () => {
    const settings = fc.record({
      shape: fc.constantFrom('constant', 'linear', 'cosine'),
      warmupSteps: fc.nat(20),
      steps: fc.integer({ min: 1, max: 60 }),
    });
    fc.assert(
      fc.property(settings, (given) => {
        const all = rates(given, 0.3);
        all.forEach((rate, index) => {
          expect(rate).toBeGreaterThan(0);
          expect(rate).toBeLessThanOrEqual(0.3);
          const next = all[index + 1];
          if (next === undefined) return;
          if (index + 1 < given.warmupSteps) expect(next).toBeGreaterThan(rate);
          else expect(next).toBeLessThanOrEqual(rate);
        });
      }),
    );
  });
});
