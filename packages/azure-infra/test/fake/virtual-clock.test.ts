import fc from 'fast-check';
import { expect, it } from 'vitest';
import { VirtualClock } from '../../src/testing/arm/virtual-clock.ts';

it('runs what is due in order of time, and of making where the time is the same, however the time is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 12 }), fc.array(fc.nat(9), { maxLength: 10 }), (delays, steps) => {
      const clock = new VirtualClock(0);
      const ran: [number, number][] = [];
      for (const [index, delay] of delays.entries()) clock.after(delay, () => ran.push([clock.now() / 1000, index]));
      for (const step of steps) clock.advance(step);
      const end = steps.reduce((sum, step) => sum + step, 0);
      const due = delays.map((delay, index): [number, number] => [delay, index]).filter(([delay]) => delay <= end);
      expect(ran).toEqual(due.toSorted(([a, i], [b, j]) => a - b || i - j));
      expect(clock.now()).toBe(end * 1000);
    }),
  );
});

it('lets a timer set another, which runs if it comes due', () => {
  const clock = new VirtualClock(0);
  const ran: number[] = [];
  const again = (): void => {
    ran.push(clock.now());
    clock.after(2, again);
  };
  clock.after(1, again);
  clock.advance(6);
  expect(ran).toEqual([1000, 3000, 5000]);
});
