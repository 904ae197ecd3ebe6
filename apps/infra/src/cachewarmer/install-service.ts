import type { CACHE_WARMER_UNITS, PackageFolder, RunSetupOptions, SshMachine } from '@warpforge/azure-infra';
import { setTimeout } from 'node:timers/promises';
import { dryRunText } from '../dry-run-text.ts';
import { interruptible } from '../interrupt.ts';
import type { InstallOptions } from './install-options.ts';

/** A service of the CacheWarmer, and how a machine comes to run it. */
export interface ServiceInstallation {
  readonly service: (typeof CACHE_WARMER_UNITS)[keyof typeof CACHE_WARMER_UNITS];
  /** Makes the script; told where on the machine the tarballs are, or undefined. */
  readonly script: (packages: PackageFolder | undefined) => string;
  /** Undefined: this machine. */
  readonly machine: SshMachine | undefined;
}

/** Installs the service, or prints the commands for that. */
export async function installOn({ service, script, machine }: ServiceInstallation, options: InstallOptions): Promise<void> {
  const { installCommands, installService, LocalMachine, localPackages } = await import('@warpforge/azure-infra');
  const packages = options.packages === undefined ? undefined : await localPackages(options.packages);
  if (options.dryRun === true) {
    process.stdout.write(dryRunText(installCommands(machine, script, packages)));
    return;
  }
  const progress = options.json === true ? process.stderr : process.stdout;
  const reporting: Pick<RunSetupOptions, 'onStep' | 'onLine'> = {
    onStep: (step) => progress.write(`==> ${step}\n`),
    onLine: (stream, line) => (stream === 'stdout' ? progress : process.stderr).write(`    ${line}\n`),
  };
  const where = machine ?? new LocalMachine();
  await interruptible((signal) =>
    installService(where, script, packages, { signal, sleep: (ms) => setTimeout(ms, undefined, { signal }), ...reporting }),
  );
  const logs = `journalctl -u ${service} -f`;
  const text = `\n${service} runs on ${where.description}; "${logs}" there shows what it does\n`;
  process.stdout.write(options.json === true ? `${JSON.stringify({ host: machine?.host ?? null, service })}\n` : text);
}
