import type { WarmEvent } from '../control/protocol.ts';
import { formatBytes, formatDuration, formatRate } from '../format.ts';

/** Where a backend's warm-up stands. */
export type WarmProgressEvent = Extract<WarmEvent, { type: 'progress' }>;

/** Shows progress on standard error. */
export interface ProgressView {
  update(progress: WarmProgressEvent): void;
  /** Ends the display of one backend; another `update` begins the next. */
  finish(): void;
}

/** Without a terminal, one line in this time is enough for a log. */
const LINE_EVERY_MS = 2_000;

/** A bar on a terminal, plain lines otherwise. */
export async function progressView(stream: NodeJS.WriteStream): Promise<ProgressView> {
  return stream.isTTY ? barView(stream) : lineView(stream);
}

/** The numbers of a warm-up in one line: `3/20 files | 30.0 MiB/200.0 MiB (15 %) | 120.5 MB/s | ETA 1.4s`. */
export function describeProgress(progress: WarmProgressEvent): string {
  const { files, filesDone, bytes, bytesDone, listed, elapsedMs } = progress;
  const more = listed ? '' : '+';
  const percent = listed && bytes > 0 ? ` (${Math.floor((100 * bytesDone) / bytes)} %)` : '';
  const eta = listed && bytesDone > 0 ? formatDuration((elapsedMs * (bytes - bytesDone)) / bytesDone) : '?';
  return `${filesDone}/${files}${more} files | ${formatBytes(bytesDone)}/${formatBytes(bytes)}${more}${percent} | ${formatRate(bytesDone, elapsedMs)} | ETA ${eta}`;
}

function lineView(stream: NodeJS.WriteStream): ProgressView {
  let shownMs = 0;
  return {
    update(progress) {
      if (progress.elapsedMs - shownMs < LINE_EVERY_MS) return;
      shownMs = progress.elapsedMs;
      stream.write(`${progress.backend}: ${describeProgress(progress)}\n`);
    },
    finish() {
      shownMs = 0;
    },
  };
}

async function barView(stream: NodeJS.WriteStream): Promise<ProgressView> {
  const { default: progressBars } = await import('cli-progress');
  const options = {
    stream,
    format: '{backend} {bar} {text}',
    barsize: 20,
    hideCursor: true,
    clearOnComplete: false,
    stopOnComplete: false,
    gracefulExit: false,
  };
  let bar: InstanceType<typeof progressBars.SingleBar> | undefined;
  return {
    update(progress) {
      const payload = { backend: progress.backend, text: describeProgress(progress) };
      if (bar === undefined) {
        bar = new progressBars.SingleBar(options, progressBars.Presets.shades_classic);
        bar.start(Math.max(1, progress.bytes), progress.bytesDone, payload);
      }
      bar.setTotal(Math.max(1, progress.bytes));
      bar.update(progress.bytesDone, payload);
    },
    finish() {
      bar?.stop();
      bar = undefined;
    },
  };
}
