import type { Command } from 'commander';
import { addCheckCommand } from './check.ts';
import type { Resolve } from '../../command-context.ts';
import { addManagerCommand } from './manager.ts';
import { addCacheWarmerProvision } from './provision.ts';
import { addCacheWarmerStatusCommand } from './status.ts';
import { addSubmitCommand } from './submit.ts';
import { addCacheWarmerTeardown } from './teardown.ts';
import { addWorkerCommand } from './worker.ts';

/** `cachewarmer …`: warms caches from a queue of jobs. */
export function addCacheWarmerCommand(program: Command, resolve: Resolve): void {
  const group = program.command('cachewarmer').description('warm caches of whole fleets from a queue of jobs');
  group.commandsGroup('Jobs:');
  addSubmitCommand(group);
  addCacheWarmerStatusCommand(group);
  addCheckCommand(group);
  group.commandsGroup('Services:');
  addManagerCommand(group);
  addWorkerCommand(group);
  group.commandsGroup('Azure:');
  addCacheWarmerProvision(group, resolve);
  addCacheWarmerTeardown(group, resolve);
}
