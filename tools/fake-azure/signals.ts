/** What asks a program to end. */
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The name of one of {@link SIGNALS}. */
export type StopSignal = (typeof SIGNALS)[number];

/** The first signal that comes from now on. From now on signals end nothing by themselves, so that everything can be taken down. */
export function firstSignal(): Promise<StopSignal> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS) process.on(signal, () => resolve(signal));
  });
}
