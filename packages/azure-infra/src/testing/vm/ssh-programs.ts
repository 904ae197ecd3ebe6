import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { shellWord } from '../shell-word.ts';

/** Where the VM is, and where what leads to it goes. */
export interface SshProgramsOptions {
  /** Folder for `ssh` and `scp`, which belongs first on `PATH`. It must exist. */
  readonly binDirectory: string;
  /** Folder for the configuration and the host key. */
  readonly directory: string;
  /** Port of the VM's SSH server on 127.0.0.1. */
  readonly port: number;
  /** `PATH` on which the real programs are. */
  readonly path: string;
}

/**
 * Writes programs `ssh` and `scp` that are the real ones with a configuration by which 127.0.0.1 is the VM: its port, and the keys in
 * `$HOME/.ssh`. What else people have configured counts as before. The configuration of a user cannot be set in another way: ssh looks for
 * it, and for keys, in the home of the password file, whatever `HOME` says.
 */
export async function writeSshPrograms({ binDirectory, directory, port, path }: SshProgramsOptions): Promise<void> {
  const config = join(directory, 'ssh-config');
  await writeFile(
    config,
    `Host 127.0.0.1
  Port ${port}
  IdentityFile "\${HOME}/.ssh/id_ed25519"
  IdentityFile "\${HOME}/.ssh/id_rsa"
  UserKnownHostsFile "${join(directory, 'known_hosts').replaceAll('%', '%%')}"
  StrictHostKeyChecking accept-new

Match all
  Include ~/.ssh/config
  Include /etc/ssh/ssh_config
`,
  );
  for (const name of ['ssh', 'scp']) {
    const real = path
      .split(delimiter)
      .map((folder) => join(folder, name))
      .find((file) => existsSync(file));
    if (real === undefined) throw new Error(`there is no ${name} on the PATH`);
    const script = `#!/bin/sh\n# 127.0.0.1 is the VM.\nexec ${shellWord(real)} -F ${shellWord(config)} "$@"\n`;
    await writeFile(join(binDirectory, name), script, { mode: 0o700 });
  }
}
