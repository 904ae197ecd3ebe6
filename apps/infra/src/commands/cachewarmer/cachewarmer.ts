import type { Command } from 'commander';
import { addCheckCommand } from './check.ts';
import type { Resolve } from '../../command-context.ts';
import { addInstallManagerCommand } from './install-manager.ts';
import { addInstallWorkerCommand } from './install-worker.ts';
import { addManagerCommand } from './manager.ts';
import { addPrepareBootstrapCommand } from './prepare-bootstrap.ts';
import { addCacheWarmerProvision } from './provision.ts';
import { addCacheWarmerStatusCommand } from './status.ts';
import { addSubmitJobsCommand } from './submit-jobs.ts';
import { addSubmitCommand } from './submit.ts';
import { addCacheWarmerTeardown } from './teardown.ts';
import { addWorkerCommand } from './worker.ts';

/** `cachewarmer …`: warms caches from a queue of jobs. */
export function addCacheWarmerCommand(program: Command, resolve: Resolve): void {
  const group = program.command('cachewarmer').description('warm caches of whole fleets from a queue of jobs');
  group.commandsGroup('Jobs:');
  addSubmitCommand(group);
  addSubmitJobsCommand(group);
  addCacheWarmerStatusCommand(group);
  addCheckCommand(group);
  group.commandsGroup('Services:');
  addManagerCommand(group);
  addWorkerCommand(group);
  group.commandsGroup('Installation:');
  addPrepareBootstrapCommand(group);
  addInstallManagerCommand(group, resolve);
  addInstallWorkerCommand(group, resolve);
  group.commandsGroup('Azure:');
  addCacheWarmerProvision(group, resolve);
  addCacheWarmerTeardown(group, resolve);
}
