import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StepHistory } from '../src/report/step-history.ts';
import type { Stretch } from '../src/report/step-history.ts';

const SUMS = ['steps', 'images', 'wallMs', 'dataMs', 'computeMs', 'lossSum'] as const satisfies (keyof Stretch)[];

describe('the course of a training', () => {
  it('keeps every step of a short one, without the time of evaluations', () => {
    const history = new StepHistory(100);
    history.add(1, { images: 2, dataMs: 1, computeMs: 5, loss: 3 }, 110);
    history.skipTo(1110);
    history.add(2, { images: 4, dataMs: 2, computeMs: 6, loss: 0.5 }, 1120);
    expect(history.stretches).toEqual([
      { lastStep: 1, images: 2, wallMs: 10, steps: 1, dataMs: 1, computeMs: 5, lossSum: 6 },
      { lastStep: 2, images: 4, wallMs: 10, steps: 1, dataMs: 2, computeMs: 6, lossSum: 2 },
    ]);
  });

  it('of any length has few stretches, all but the last of equal length, which add up to all steps', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.nat(1000), (steps, start) => {
        const history = new StepHistory(0);
        for (let step = 1; step <= steps; step++) {
          history.add(start + step, { images: 2, dataMs: step, computeMs: 2 * step, loss: 1 / 2 }, 4 * step);
        }
        const { stretches } = history;
        expect(stretches.length).toBeLessThanOrEqual(256);
        expect(stretches.length).toBeGreaterThanOrEqual(Math.min(steps, 128));
        expect(new Set(stretches.slice(0, -1).map((stretch) => stretch.steps)).size).toBeLessThanOrEqual(1);
        expect(stretches.at(-1)?.lastStep).toBe(start + steps);
        const sums = SUMS.map((key) => stretches.reduce((sum, stretch) => sum + stretch[key], 0));
        const triangle = (steps * (steps + 1)) / 2;
        expect(sums).toEqual([steps, 2 * steps, 4 * steps, triangle, 2 * triangle, steps]);
      }),
      { numRuns: 50 },
    );
  });
});
