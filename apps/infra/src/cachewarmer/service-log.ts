import type { CacheWarmerEvent, OnEvent } from '@warpforge/cache-warmer';
import type { Logger } from 'pino';

/** How a service logs: for people, or one JSON object a line. */
export type LogFormat = 'text' | 'json';

/** The log of a manager or worker, on standard error. */
export async function openLog(format: LogFormat): Promise<Logger> {
  const { pino } = await import('pino');
  const settings = {
    base: null,
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (format === 'json') return pino(settings, pino.destination({ fd: 2, sync: true }));
  const { default: pretty } = await import('pino-pretty');
  const stream = pretty({
    colorize: process.stderr.isTTY && process.env['NO_COLOR'] === undefined,
    destination: 2,
    sync: true,
    messageKey: 'message',
    translateTime: 'SYS:HH:MM:ss',
    singleLine: true,
  });
  return pino(settings, stream);
}

/** Logs what a person who looks after the fleet wants to know; what only counters need is left out. */
export function logEvents(log: Logger): OnEvent {
  return (event) => {
    const { kind, ...fields } = event;
    switch (kind) {
      case 'trouble':
        log.warn({ what: event.what, error: messageOf(event.error) }, 'trouble, tried again');
        return;
      case 'job-ended':
        log.info({ job: event.job, state: event.report.state }, 'job ended');
        return;
      case 'message-poisoned':
      case 'preempted':
        log.warn(fields, kind.replace('-', ' '));
        return;
      case 'item-failed':
      case 'file-retried':
      case 'lease-lost':
      case 'item-handed-back':
        log.warn(fields, kind.replaceAll('-', ' '));
        return;
      case 'job-taken':
      case 'job-walking':
      case 'job-queued':
        log.info(fields, kind.replace('-', ' '));
        return;
      default:
        log.debug(fields, kind.replaceAll('-', ' '));
    }
  };
}

/** Tells every listener of each event. */
export function tellAll(...listeners: readonly OnEvent[]): OnEvent {
  return (event: CacheWarmerEvent) => {
    for (const listener of listeners) listener(event);
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
