/** A machine or process that works for the manager. */
export interface WorkerInstance {
  /** The same as the name under which the worker reports itself. */
  readonly name: string;
  /** When it was started. */
  readonly startedAt: Date;
}

/** Starts and ends workers. Disposing ends those that it started and that do not outlive it. */
export interface Launcher extends AsyncDisposable {
  /** Those that live now, counted by looking, not by remembering. */
  instances(signal: AbortSignal): Promise<WorkerInstance[]>;
  /** Starts so many more; fewer come when there is no capacity. */
  start(count: number, signal: AbortSignal): Promise<void>;
  /** Ends these; those that are gone already are as good. */
  stop(names: readonly string[], signal: AbortSignal): Promise<void>;
}
