import { join } from 'node:path';
import type { Launcher, ScaleSet } from '@warpforge/cache-warmer';
import { resourceManagerEndpoint } from '../azure-session.ts';
import { CommandError } from '../failure.ts';
import type { MountOptions } from './mount-options.ts';
import type { StorageOptions } from './storage-options.ts';

/** How a manager starts its workers. */
export interface LauncherOptions {
  readonly launcher: 'vmss' | 'local' | 'none';
  readonly scaleSet?: string;
  readonly resourceGroup?: string;
  readonly subscriptionId?: string;
}

/** Opens what starts workers. `onLine` is told what local ones print, `onProblem` why there are fewer than asked for. */
export async function openLauncher(
  options: LauncherOptions & StorageOptions & MountOptions,
  onLine: (worker: string, line: string) => void,
  onProblem: (problem: Error) => void,
): Promise<Launcher> {
  const { LocalLauncher, noLauncher, ScaleSetLauncher, systemClock } = await import('@warpforge/cache-warmer');
  switch (options.launcher) {
    case 'none':
      return noLauncher;
    case 'local':
      return new LocalLauncher({
        command: (name) => workerCommand(name, options),
        env: process.env,
        newId: () => crypto.randomUUID().slice(0, 8),
        clock: systemClock,
        onLine,
      });
    case 'vmss':
      return new ScaleSetLauncher(await openWorkersScaleSet(options, onProblem));
  }
}

async function openWorkersScaleSet(
  { scaleSet: name, resourceGroup, subscriptionId }: LauncherOptions,
  onProblem: (problem: Error) => void,
): Promise<ScaleSet> {
  if (name === undefined || resourceGroup === undefined || subscriptionId === undefined) {
    throw new CommandError('USAGE', 'the launcher vmss needs --scale-set, --resource-group and --subscription-id');
  }
  const { openCredential, openScaleSet } = await import('@warpforge/azure-infra');
  const credential = await openCredential();
  return openScaleSet({ credential, ...resourceManagerEndpoint(), subscriptionId, resourceGroup, name, onProblem });
}

/** This program again, as a worker of the same queues. */
function workerCommand(name: string, options: StorageOptions & MountOptions): [string, ...string[]] {
  const { queuePrefix, storageAccount, blobEndpoint, queueEndpoint, mountRoot, daemonConfig } = options;
  const flags = Object.entries({
    '--name': name,
    '--queue-prefix': queuePrefix,
    '--storage-account': storageAccount,
    '--blob-endpoint': blobEndpoint,
    '--queue-endpoint': queueEndpoint,
    '--mount-root': join(mountRoot, name),
    '--daemon-config': daemonConfig,
    // A machine of Azure has the service, any other one would only wait for it; tests bring their own.
    '--imds': process.env['CACHEWARMER_IMDS'] ?? 'off',
  });
  const program = process.argv[1] ?? '';
  const given = flags.flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]));
  return [process.execPath, ...process.execArgv, program, 'cachewarmer', 'worker', ...given];
}
