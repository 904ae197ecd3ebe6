import { formatBytes, formatDuration } from './format.ts';

/** Without a terminal, one line in this time is enough for a log. */
const LINE_EVERY_MS = 2_000;

/** Redrawing more often costs more than it shows. */
const DRAW_EVERY_MS = 100;

/** How far a command is. */
export interface Amount {
  /** What is done and to be done, in the unit of the progress. */
  readonly done: number;
  readonly total: number;
  /** Undefined when they are not counted. */
  readonly bytes?: number | undefined;
  /** Undefined when it is not known. */
  readonly totalBytes?: number | undefined;
}

/** Shows on standard error how far a command is: a bar on a terminal, plain lines otherwise. */
export interface Progress extends Disposable {
  update(amount: Amount): void;
  /** Takes the bar off the screen, to write something else; the next update brings it back. */
  hide(): void;
}

/** @param verb such as `packing`; @param unit such as `samples` */
export async function startProgress(verb: string, unit: string, stream: NodeJS.WriteStream = process.stderr): Promise<Progress> {
  return stream.isTTY && process.env['TERM'] !== 'dumb' ? barProgress(verb, unit, stream) : lineProgress(verb, unit, stream);
}

/** `3/20 shards | 30.0 MiB/200.0 MiB | 120.5 MiB/s | ETA 1.4s` */
export function describeAmount(amount: Amount, unit: string, elapsedMs: number): string {
  const { done, total, bytes, totalBytes } = amount;
  const share = shareOf(amount);
  const parts = [`${done}/${total} ${unit}`];
  if (bytes !== undefined) {
    parts.push(`${formatBytes(bytes)}${totalBytes === undefined ? '' : `/${formatBytes(totalBytes)}`}`);
    parts.push(`${formatBytes(elapsedMs <= 0 ? 0 : (bytes * 1000) / elapsedMs)}/s`);
  }
  parts.push(`ETA ${share > 0 ? formatDuration((elapsedMs * (1 - share)) / share) : '?'}`);
  return parts.join(' | ');
}

function shareOf({ done, total, bytes, totalBytes }: Amount): number {
  const share = bytes === undefined || totalBytes === undefined || totalBytes === 0 ? done / Math.max(1, total) : bytes / totalBytes;
  return Math.min(1, share);
}

function lineProgress(verb: string, unit: string, stream: NodeJS.WriteStream): Progress {
  const start = performance.now();
  let shown = start;
  return {
    update(amount) {
      const now = performance.now();
      if (now - shown < LINE_EVERY_MS) return;
      shown = now;
      stream.write(`${verb}: ${describeAmount(amount, unit, now - start)}\n`);
    },
    hide() {
      // Lines stay.
    },
    [Symbol.dispose]() {
      // Nothing to end.
    },
  };
}

async function barProgress(verb: string, unit: string, stream: NodeJS.WriteStream): Promise<Progress> {
  const { default: progressBars } = await import('cli-progress');
  const options = {
    stream,
    format: '{verb} {bar} {text}',
    barsize: 20,
    hideCursor: true,
    // The outcome says it all; a bar that stopped at 97 % would only raise questions.
    clearOnComplete: true,
    gracefulExit: false,
    emptyOnZero: true,
  };
  const start = performance.now();
  let bar: InstanceType<typeof progressBars.SingleBar> | undefined;
  let drawn = -Infinity;
  // A bar goes back to where it began when it stops: what is written meanwhile would be lost, so each time it is another one.
  const hide = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    update(amount) {
      const now = performance.now();
      if (now - drawn < DRAW_EVERY_MS) return;
      drawn = now;
      const payload = { verb, text: describeAmount(amount, unit, now - start) };
      if (bar === undefined) {
        bar = new progressBars.SingleBar(options, progressBars.Presets.shades_classic);
        bar.start(1, shareOf(amount), payload);
      } else bar.update(shareOf(amount), payload);
    },
    hide,
    [Symbol.dispose]: hide,
  };
}
