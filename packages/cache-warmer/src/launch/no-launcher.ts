import type { Launcher } from './launcher.ts';

/** For workers that somebody else starts: KEDA, a batch system, a person. */
export const noLauncher: Launcher = {
  instances: () => Promise.resolve([]),
  start: () => Promise.resolve(),
  stop: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
