import { dirname } from 'node:path/posix';

/** A file that the setup writes on a VM. */
export interface VmFile {
  readonly path: string;
  /** As chmod takes it. */
  readonly mode: '644' | '755';
  /** Ends with a line break. */
  readonly content: string;
}

/** Where the release in use is; the setup makes the link. */
const MODULES = '/opt/warpforge/current/node_modules';

/** The commands, and where npm puts them. */
const COMMANDS = {
  warpdrive: 'mount/bin/warpdrive.mjs',
  'warpforge-train': 'trainer/bin/warpforge-train.mjs',
  'warpforge-infra': 'infra/bin/warpforge-infra.mjs',
  webdataset: 'webdataset/bin/webdataset.mjs',
};

const NVME_PROGRAM = '/usr/local/lib/warpforge/nvme-cache';

/** Commands for everybody's PATH, the script of the NVMe disk, and what systemd needs. The daemon's own unit comes with its package. */
export function vmFiles(nvmeScript: string, nvmeMount: string): VmFile[] {
  return [
    ...Object.entries(COMMANDS).map(([name, program]) => commandFile(name, program)),
    { path: NVME_PROGRAM, mode: '755', content: nvmeScript },
    { path: '/etc/systemd/system/warpforge-nvme.service', mode: '644', content: nvmeUnit(nvmeMount) },
    { path: '/etc/systemd/system/warpdrive.service.d/warpforge.conf', mode: '644', content: daemonDropIn },
  ];
}

/** The command of this program. */
export function infraCommandFile(): VmFile {
  return commandFile('warpforge-infra', COMMANDS['warpforge-infra']);
}

/** Runs a program on the pinned Node, whatever Node the PATH has. */
function commandFile(name: string, program: string): VmFile {
  const content = `#!/bin/sh\nexec ${MODULES}/.bin/warpforge-node ${MODULES}/@warpforge/${program} "$@"\n`;
  return { path: `/usr/local/bin/${name}`, mode: '755', content };
}

function nvmeUnit(nvmeMount: string): string {
  return `[Unit]
Description=Local NVMe disk for the cache of warpdrive
Documentation=https://github.com/warpforge/warpforge/tree/main/packages/azure-infra
# Some VM sizes have a temporary disk at ${dirname(nvmeMount)}, which would hide what was mounted under it before.
After=local-fs.target ${mountUnit(dirname(nvmeMount))}
Before=warpdrive.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${NVME_PROGRAM}

[Install]
WantedBy=multi-user.target
`;
}

/** The unit of a mount point of plain words: https://www.freedesktop.org/software/systemd/man/latest/systemd.unit.html (escaping). */
function mountUnit(path: string): string {
  return `${path.slice(1).replaceAll('/', '-')}.mount`;
}

const daemonDropIn = `# Of warpforge setup: the cache's disk comes first, and without a configuration there is nothing to start.
[Unit]
Requires=warpforge-nvme.service
After=warpforge-nvme.service
ConditionPathExists=/etc/warpdrive/config.yaml
`;
