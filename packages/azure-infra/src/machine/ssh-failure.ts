import { MachineError } from './errors.ts';
import type { SshTarget } from './ssh-machine.ts';

/** Turns what ssh said last into an error that says what to do. */
export function sshFailure(
  { host, user, port, identityFile, knownHostsFile, hostKeyAlias }: SshTarget,
  said: readonly string[],
): MachineError {
  const text = said.join('\n');
  const login = `${user}@${host}`;
  const place = port === undefined ? host : `${host}, port ${port}`;
  const known = hostKeyAlias ?? (port === undefined ? host : `[${host}]:${port}`);
  if (/host key verification failed|host identification has changed/i.test(text)) {
    return new MachineError(
      'MACHINE_REFUSED',
      `${host} shows another host key than before. If the VM was made anew, forget the old key and try again: ssh-keygen -R '${known}' -f '${knownHostsFile}'. Otherwise something pretends to be your VM`,
    );
  }
  if (text.includes('sudo: a password is required')) {
    return new MachineError(
      'MACHINE_REFUSED',
      `${login} may not use sudo without a password, which the setup of a VM needs: log in as its first user`,
    );
  }
  if (/permission denied|too many authentication failures/i.test(text)) {
    const advice =
      identityFile === undefined
        ? 'give the private key of the VM with --identity FILE, or add it to your agent (ssh-add)'
        : `is ${identityFile} the private key of the VM, readable, and without a passphrase or in your agent (ssh-add)?`;
    return new MachineError('MACHINE_REFUSED', `${host} does not let ${user} in: ${advice}`);
  }
  if (/could not resolve hostname/i.test(text)) {
    return new MachineError('MACHINE_OPTION_INVALID', `there is no host ${host}: check --host, or run provision again to see the address`);
  }
  return new MachineError(
    'MACHINE_UNREACHABLE',
    `${place} does not answer to SSH (${said.at(-1)?.replace(/^ssh: /, '') ?? 'the connection was lost'}): check that the VM is running, and that its security group lets your address in`,
  );
}
