/** How the learning rate changes in the course of a training. */
export interface ScheduleSettings {
  /** Behind the warm-up: the same all the time, or falling to 0 behind the last step, in a straight line or as half a cosine. */
  readonly shape: 'constant' | 'linear' | 'cosine';
  /** The highest one. */
  readonly learningRate: number;
  /** Steps at the beginning in which it rises in a straight line: the first has one part of as many, the last has all. 0: none. */
  readonly warmupSteps: number;
  /** Steps of the whole training, those of the warm-up included. */
  readonly steps: number;
}

/** Learning rate of `step`, which counts from 1. A pure function, so that a resumed training continues it. Never 0 before the end. */
export function learningRateAt({ shape, learningRate, warmupSteps, steps }: ScheduleSettings, step: number): number {
  if (step <= warmupSteps) return (learningRate * step) / warmupSteps;
  // From 0 at the first step behind the warm-up to almost 1 at the last one.
  const done = (step - warmupSteps - 1) / Math.max(1, steps - warmupSteps);
  switch (shape) {
    case 'constant':
      return learningRate;
    case 'linear':
      return learningRate * (1 - done);
    case 'cosine':
      return (learningRate * (1 + Math.cos(Math.PI * done))) / 2;
  }
}
