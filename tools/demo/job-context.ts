import type { DemoOptions } from './options.ts';
import type { Supervisor } from './supervisor.ts';
import type { Terminal } from './terminal.ts';
import type { WorkFolder } from './work-folder.ts';

/** What every step gets. */
export interface JobContext {
  readonly options: DemoOptions;
  readonly terminal: Terminal;
  readonly supervisor: Supervisor;
  readonly work: WorkFolder;
}
