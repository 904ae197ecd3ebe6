import type { Command } from 'commander';
import { addCheckCommand } from './check.ts';
import { addManagerCommand } from './manager.ts';
import { addCacheWarmerStatusCommand } from './status.ts';
import { addSubmitCommand } from './submit.ts';
import { addWorkerCommand } from './worker.ts';

/** `cachewarmer …`: warms caches from a queue of jobs. */
export function addCacheWarmerCommand(program: Command): void {
  const group = program.command('cachewarmer').description('warm caches of whole fleets from a queue of jobs');
  group.commandsGroup('Jobs:');
  addSubmitCommand(group);
  addCacheWarmerStatusCommand(group);
  addCheckCommand(group);
  group.commandsGroup('Services:');
  addManagerCommand(group);
  addWorkerCommand(group);
}
