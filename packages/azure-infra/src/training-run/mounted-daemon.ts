import { systemClock, type Clock } from '../clock.ts';
import type { Machine } from '../machine/machine.ts';
import { parseReady, parseStatus, type DaemonStatus } from './daemon-answers.ts';
import { TrainingRunError } from './errors.ts';
import { LogTail } from './log-tail.ts';
import { shellCommand, shellWord } from './shell-command.ts';
import type { StepRunner } from './step-runner.ts';

/** A mount is up as soon as each backend has answered once, which takes a second or two. */
const READY_LIMIT_MS = 30_000;

/** Ten seconds after it was told to end everything that a machine has started is gone; a far one must be reached again after that. */
const CLOSE_LIMIT_MS = 30_000;

/** How long a daemon waits for the cache of one that is just ending. */
const CACHE_WAIT = '5s';

/** Which daemon, and where. */
export interface MountedDaemonOptions {
  readonly machine: Machine;
  readonly steps: StepRunner;
  readonly programFolders: readonly string[];
  /** Its configuration, on the machine. */
  readonly configPath: string;
  /** Whether it is root who mounts. */
  readonly asRoot: boolean;
  readonly signal: AbortSignal;
  readonly clock?: Clock | undefined;
}

/**
 * The mount daemon of a machine while a training runs: one that was running before, which stays, or one that is started for it. The latter
 * is attached to this program: it ends when this program does, in whatever way.
 */
export class MountedDaemon {
  readonly status: DaemonStatus;
  readonly mountPoint: string;
  /** Whether it ran before, and so is not ended by {@link close}. */
  readonly wasRunning: boolean;
  /** Aborted when the daemon ends although nobody asked it to, with what it logged last. */
  readonly ended: AbortSignal;
  readonly #serving: Serving | undefined;

  private constructor(status: DaemonStatus, mountPoint: string, serving: Serving | undefined) {
    this.status = status;
    this.mountPoint = mountPoint;
    this.wasRunning = serving === undefined;
    this.ended = serving?.ended ?? new AbortController().signal;
    this.#serving = serving;
  }

  /**
   * Finds the daemon of the configuration, or starts one and waits until reads work.
   *
   * @throws {TrainingRunError} `RUN_STEP_FAILED` where it cannot mount, or not within 30 s; nothing is left running then.
   */
  static async open(options: MountedDaemonOptions): Promise<MountedDaemon> {
    const found = await queryStatus(options);
    if (found?.mount !== undefined) return new MountedDaemon(found, found.mount.point, undefined);
    const serving = new Serving(options);
    try {
      const mountPoint = await serving.ready(options.signal);
      const status = await queryStatus(options);
      if (status === undefined) throw new TrainingRunError('RUN_STEP_FAILED', 'the mount daemon said that it is ready, and is gone again');
      return new MountedDaemon(status, mountPoint, serving);
    } catch (error) {
      await serving.close();
      throw error;
    }
  }

  /**
   * Ends what {@link open} has started, and makes sure that nothing is mounted. Works also after the signal of `open` was aborted.
   *
   * @throws {TrainingRunError} `RUN_STILL_MOUNTED`.
   */
  async close(): Promise<void> {
    await this.#serving?.close();
  }
}

/** The state of the daemon that runs with this configuration; undefined when there is none. */
async function queryStatus({ steps, configPath, asRoot, signal }: MountedDaemonOptions): Promise<DaemonStatus | undefined> {
  let status: DaemonStatus | undefined;
  const log = new LogTail();
  const step = {
    name: 'asking the mount daemon',
    command: ['warpdrive', 'status', '--config', configPath, '--json'],
    asRoot,
    onLine: (_stream: string, line: string) => (status = parseStatus(line) ?? status) !== undefined,
  } as const;
  const code = await steps.exitCode(step, log, signal);
  // 1: no process serves this cache.
  if (code !== 0 && code !== 1) throw steps.failure(step, code, log);
  return code === 0 ? status : undefined;
}

/** A daemon that was started here. */
class Serving {
  readonly ended: AbortSignal;
  readonly #options: MountedDaemonOptions;
  readonly #stop = new AbortController();
  readonly #log = new LogTail();
  readonly #ready = Promise.withResolvers<string>();
  /** Settles when the process is gone; never rejects. */
  readonly #gone: Promise<void>;
  #mountPoint: string | undefined;

  constructor(options: MountedDaemonOptions) {
    this.#options = options;
    const ended = new AbortController();
    this.ended = ended.signal;
    // Whoever waits for it hears of a failure; later there is nobody left to hear.
    this.#ready.promise.catch(() => undefined);
    this.#gone = this.#serve().then((error) => {
      this.#ready.reject(error);
      ended.abort(error);
    });
  }

  /** Runs the daemon to its end, and says why it is not there any more. */
  async #serve(): Promise<unknown> {
    const { machine, programFolders, configPath, asRoot } = this.#options;
    const command = ['warpdrive', 'serve', '--config', configPath, '--wait', CACHE_WAIT, '--json'];
    try {
      const code = await machine.run(shellCommand(command, { programFolders, manyFiles: true }), {
        signal: this.#stop.signal,
        asRoot,
        onLine: (stream, line) => {
          const ready = stream === 'stdout' ? parseReady(line) : undefined;
          if (ready === undefined) this.#log.push(line);
          else {
            this.#mountPoint = ready.mountPoint;
            this.#ready.resolve(ready.mountPoint);
          }
        },
      });
      const what = this.#mountPoint === undefined ? 'the mount daemon could not mount' : 'the mount daemon ended in the middle of the run';
      return new TrainingRunError(
        'RUN_STEP_FAILED',
        `${what} on ${machine.description} (exit code ${code}); it logged last:${this.#log.text}`,
      );
    } catch (error) {
      return error;
    }
  }

  /** The mount point, as soon as reads work. */
  async ready(signal: AbortSignal): Promise<string> {
    const { clock = systemClock } = this.#options;
    const waiting = new AbortController();
    const limit = clock.sleep(READY_LIMIT_MS, AbortSignal.any([signal, waiting.signal])).then(() => {
      const message = `the mount daemon was not ready within ${READY_LIMIT_MS / 1000} s; it logged last:${this.#log.text}`;
      throw new TrainingRunError('RUN_STEP_FAILED', message);
    });
    try {
      return await Promise.race([this.#ready.promise, limit]);
    } finally {
      waiting.abort(new Error('it is ready or has failed'));
      await limit.catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('the training has ended'));
    const limit = AbortSignal.timeout(CLOSE_LIMIT_MS);
    await Promise.race([this.#gone, aborted(limit)]);
    if (this.#mountPoint !== undefined) await this.#checkUnmounted(this.#mountPoint, limit);
  }

  /** A daemon unmounts at its end; one that was killed could not. */
  async #checkUnmounted(mountPoint: string, limit: AbortSignal): Promise<void> {
    const { machine, asRoot, programFolders } = this.#options;
    const log = new LogTail();
    const onLine = (_stream: string, line: string): void => log.push(line);
    const code = await machine.run(unmountScript(mountPoint, programFolders), { signal: limit, asRoot, onLine }).catch((error: unknown) => {
      log.push(error instanceof Error ? error.message : String(error));
    });
    if (code === 0) return;
    throw new TrainingRunError(
      'RUN_STILL_MOUNTED',
      `${mountPoint} may still be mounted on ${machine.description}; look there with "findmnt ${mountPoint}" and remove it with ` +
        `"warpdrive unmount ${mountPoint}"${log.text}`,
    );
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Unmounts where anything is left. In the table of mounts blanks are written in octal: proc_pid_mounts(5), getmntent(3). */
function unmountScript(mountPoint: string, programFolders: readonly string[]): string {
  const listed = mountPoint.replace(/[ \t\n\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
  return `if grep -qF -e ${shellWord(` ${listed} fuse`)} /proc/self/mounts; then
${shellCommand(['warpdrive', 'unmount', mountPoint], { programFolders })}fi
`;
}
