import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { OnEvent } from '../events.ts';

/** Of a Spot machine at least 30 s of notice are left, so a second is little. */
const POLL_MS = 1000;
/** Where it has never answered there is no such service, and it need not be asked often. */
const ABSENT_POLL_MS = 60_000;
/** In Azure a few calls may fail while the service is enabled by the first one. */
const FAILURES_UNTIL_ABSENT = 5;
/** The first call may take two minutes, while the service is enabled. */
const ANSWER_LIMIT_MS = 150_000;

const eventsSchema = z.object({
  Events: z.array(z.object({ EventType: z.string(), Resources: z.array(z.string()).default([]), NotBefore: z.string().optional() })),
});

/** What the watch needs. */
export interface ScheduledEventsOptions {
  /** Where the metadata service is. Default: `http://169.254.169.254`. */
  readonly base?: string;
  readonly clock: Clock;
  readonly onEvent: OnEvent;
}

/**
 * Watches the scheduled events of this virtual machine
 * (https://learn.microsoft.com/azure/virtual-machines/linux/scheduled-events). They are never acknowledged: an event may be of other
 * machines too. Disposing ends the watch.
 */
export class ScheduledEvents implements AsyncDisposable {
  readonly #base: string;
  readonly #clock: Clock;
  readonly #onEvent: OnEvent;
  readonly #notice = new AbortController();
  readonly #stop = new AbortController();
  readonly #watching: Promise<void>;

  constructor({ base = 'http://169.254.169.254', clock, onEvent }: ScheduledEventsOptions) {
    this.#base = base;
    this.#clock = clock;
    this.#onEvent = onEvent;
    this.#watching = this.#watch(this.#stop.signal);
  }

  /** Aborts when the machine is about to be taken away; its reason says why. */
  get notice(): AbortSignal {
    return this.#notice.signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }

  async #watch(stop: AbortSignal): Promise<void> {
    let name: string | undefined;
    let failures = 0;
    while (!stop.aborted) {
      try {
        name ??= await this.#get('/metadata/instance/compute/name?api-version=2021-02-01&format=text', stop);
        const text = await this.#get('/metadata/scheduledevents?api-version=2020-07-01', stop);
        failures = 0;
        const why = noticeOf(eventsSchema.parse(JSON.parse(text)), name);
        if (why !== undefined) {
          this.#notice.abort(new Error(why));
          return;
        }
      } catch (error) {
        failures += 1;
        if (failures === FAILURES_UNTIL_ABSENT) this.#onEvent({ kind: 'trouble', what: 'scheduled events are not known here', error });
      }
      // Only the end of the watch interrupts it.
      const isAbsent = name === undefined && failures >= FAILURES_UNTIL_ABSENT;
      await this.#clock.sleep(isAbsent ? ABSENT_POLL_MS : POLL_MS, stop).catch(() => undefined);
    }
  }

  async #get(path: string, stop: AbortSignal): Promise<string> {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(ANSWER_LIMIT_MS)]);
    const response = await fetch(this.#base + path, { headers: { Metadata: 'true' }, signal });
    const text = await response.text();
    if (!response.ok) throw new Error(`the metadata service answered ${response.status}: ${text.slice(0, 200)}`);
    return text.trim();
  }
}

function noticeOf({ Events: events }: z.infer<typeof eventsSchema>, name: string): string | undefined {
  const own = events.find(
    ({ EventType: type, Resources: machines }) => (type === 'Preempt' || type === 'Terminate') && machines.includes(name),
  );
  return own === undefined ? undefined : `${own.EventType} of ${name}${own.NotBefore ? `, not before ${own.NotBefore}` : ''}`;
}
