import { describe, expect, it } from 'vitest';
import { Pace } from '../../src/worker/pace.ts';
import { PollDelay } from '../../src/worker/poll-delay.ts';

describe('Pace', () => {
  it('lets a thread read when what it read before is paid for', () => {
    const pace = new Pace(1000, () => 1);
    expect(pace.wait(500, 0)).toBe(0);
    expect(pace.wait(500, 100)).toBe(400);
    expect(pace.wait(500, 500)).toBe(500);
    expect(pace.wait(500, 9000)).toBe(0);
  });

  it('gives each thread its share', () => {
    let threads = 4;
    const pace = new Pace(1000, () => threads);
    pace.wait(500, 0);
    expect(pace.wait(500, 0)).toBe(2000);
    threads = 1;
    expect(pace.wait(500, 4000)).toBe(0);
    expect(pace.wait(500, 4000)).toBe(500);
  });
});

describe('PollDelay', () => {
  it('doubles from 0.1 s to 5 s, and begins anew when there was work', () => {
    const pause = new PollDelay(() => 1);
    expect(Array.from({ length: 8 }, () => pause.next())).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    pause.reset();
    expect(pause.next()).toBe(100);
  });

  it('is different for each worker, and never less than half', () => {
    expect([0, 0.5, 1].map((random) => new PollDelay(() => random).next())).toEqual([50, 75, 100]);
  });
});
