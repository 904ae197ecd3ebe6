import { stringify } from 'yaml';
import { SETUP_PROGRAM, setupScript, type VmSetup } from './vm-setup.ts';

/**
 * Azure's limit of custom data, in bytes of base64.
 * https://learn.microsoft.com/azure/virtual-machines/custom-data#what-is-the-maximum-size-of-custom-data
 */
export const CUSTOM_DATA_LIMIT_BYTES = 65_536;

/**
 * cloud-init user data that sets a VM up at its first boot, with the programs from the npm registry. It holds no secret. When it has
 * ended well, `/var/lib/warpforge/ready` exists; `cloud-init status --wait` waits for the end of any kind.
 *
 * Format: https://cloudinit.readthedocs.io/en/latest/reference/modules.html
 */
export function cloudInit(setup: VmSetup): string {
  return runAtFirstBoot(SETUP_PROGRAM, setupScript(setup), { package_update: true, packages: ['fuse3'] });
}

/** cloud-init user data that runs a script once, as root, and leaves it at `path`. `more` are keys of other modules. */
export function runAtFirstBoot(path: string, script: string, more: Readonly<Record<string, unknown>> = {}): string {
  const data = { ...more, write_files: [{ path, permissions: '0755', content: script }], runcmd: [[path]] };
  // Without folding, so that the script stands in it as it is.
  return `#cloud-config\n${stringify(data, { lineWidth: 0 })}`;
}
