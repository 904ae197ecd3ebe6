import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs that a VM on this machine is made with, and the packages of Debian and Ubuntu that bring them. */
const PROGRAMS = {
  sshd: 'openssh-server',
  ssh: 'openssh-client',
  sudo: 'sudo',
  systemctl: 'systemd',
  unshare: 'util-linux',
  losetup: 'mount',
  'mkfs.ext4': 'e2fsprogs',
};

/** Where administrators' programs are, which is not on everybody's PATH. */
const ADMIN_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Why {@link LocalVm} cannot be made here, with what to do; undefined where it can. */
export function whyNoLocalVm(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root';
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...ADMIN_FOLDERS];
  const missing = Object.entries(PROGRAMS).filter(([program]) => !folders.some((folder) => existsSync(join(folder, program))));
  if (missing.length > 0) {
    const packages = missing.map(([, name]) => name).join(' ');
    return `needs ${missing.map(([program]) => program).join(', ')}: apt-get install ${packages}`;
  }
  for (const device of ['/dev/loop-control', '/dev/fuse']) if (!existsSync(device)) return `needs ${device}`;
  const { status } = spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']);
  return status === 0 ? undefined : 'needs the right to make namespaces, which this container or sandbox does not give';
}
