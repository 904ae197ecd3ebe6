/** Where a long work stands. */
export interface Progress {
  readonly done: number;
  /** At least 1; it may still grow. */
  readonly total: number;
  /** What stands beside the bar: `3/20 shards | 120.5 MB/s | ETA 1.4s`. */
  readonly text: string;
}

/** Shows progress; to be finished on every path, so that the cursor comes back. */
export interface ProgressView {
  update(progress: Progress): void;
  finish(): void;
}

/** Without a terminal, one line in this time is enough for a log. */
const LINE_EVERY_MS = 2_000;

/** A bar on a terminal, plain lines otherwise. `label` stands before both; `now` is a clock in milliseconds. */
export async function progressView(
  stream: NodeJS.WriteStream,
  label: string,
  now: () => number = () => performance.now(),
): Promise<ProgressView> {
  return stream.isTTY ? barView(stream, label) : lineView(stream, label, now);
}

function lineView(stream: NodeJS.WritableStream, label: string, now: () => number): ProgressView {
  let shownAt = now();
  return {
    update({ text }) {
      if (now() - shownAt < LINE_EVERY_MS) return;
      shownAt = now();
      stream.write(`${label}: ${text}\n`);
    },
    finish() {
      // Lines need no end.
    },
  };
}

async function barView(stream: NodeJS.WriteStream, label: string): Promise<ProgressView> {
  const { default: progressBars } = await import('cli-progress');
  const options = {
    stream,
    format: '{label} {bar} {text}',
    barsize: 20,
    hideCursor: true,
    clearOnComplete: false,
    stopOnComplete: false,
    gracefulExit: false,
  };
  const bar = new progressBars.SingleBar(options, progressBars.Presets.shades_classic);
  let started = false;
  return {
    update({ done, total, text }) {
      if (!started) bar.start(total, done, { label, text });
      started = true;
      bar.setTotal(total);
      bar.update(done, { label, text });
    },
    finish() {
      if (started) bar.stop();
    },
  };
}
