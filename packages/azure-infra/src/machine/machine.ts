/** Where a line that a script printed comes from. */
export type OutputStream = 'stdout' | 'stderr';

/** How a script runs on a machine. */
export interface RunOptions {
  /** Ends the script, and everything that it has started in its process group, also on a machine far away. */
  readonly signal: AbortSignal;
  /** Called for every line as it is printed, without its line break. */
  readonly onLine: (stream: OutputStream, line: string) => void;
  /** Runs the script as root: directly where the user is root, otherwise by `sudo -n`, which asks for nothing. */
  readonly asRoot?: boolean;
}

/** A Linux machine on which commands run and to which files are copied: a VM behind SSH, or this one. */
export interface Machine {
  /** For people: `azureuser@203.0.113.7`, `this machine`. */
  readonly description: string;

  /**
   * Runs a script of the POSIX shell (`sh`) with its standard input empty. The script is on no command line, neither here nor there.
   *
   * @returns The script's exit code; 128 plus the number of the signal where one ended it.
   * @throws {MachineError} where the script could not be started or the connection was lost; the reason of `signal` once it is aborted
   *   and the script has ended.
   */
  run(script: string, options: RunOptions): Promise<number>;

  /**
   * Copies files into a folder, which is made where it is missing, under their own base names.
   *
   * @throws {MachineError} where a file could not be copied; the reason of `signal` once it is aborted.
   */
  copyTo(localFiles: readonly string[], folder: string, signal: AbortSignal): Promise<void>;
}
