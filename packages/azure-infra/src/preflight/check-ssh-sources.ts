import { isIP } from 'node:net';
import { error, type Check, type Fault } from './check.ts';

/** The largest networks that one organisation has: a former class A, and what a provider gets for all its customers. */
const WIDEST = { 4: 8, 6: 32 } as const;

const SUGGESTION = 'set SSH_SOURCES to the networks that you work from, such as 203.0.113.7/32';

/** Port 22 is not open to everyone. */
export const checkSshSources: Check = {
  rule: 'INFRA_CHECK_SSH_SOURCES',
  tells: 'who may reach port 22',
  run({ sshSources }) {
    if (sshSources === undefined) return Promise.resolve([]);
    if (sshSources.length === 0) return Promise.resolve([error('nobody could reach the VM: there is no network for port 22', SUGGESTION)]);
    return Promise.resolve(sshSources.flatMap(faultsOf));
  },
};

function faultsOf(source: string): Fault[] {
  const [address = '', prefix = ''] = source.split('/');
  const family = isIP(address);
  // Service tags such as `Internet` and `*` would open the port as well.
  if ((family !== 4 && family !== 6) || !/^\d{1,3}$/.test(prefix)) return [error(`"${source}" is not a network for port 22`, SUGGESTION)];
  const bits = Number(prefix);
  if (bits === 0) return [error(`port 22 would be open to every address (${source})`, SUGGESTION)];
  // Two halves of the world are the world.
  return bits < WIDEST[family]
    ? [error(`port 22 would be open to a network larger than any organisation has (${source})`, SUGGESTION)]
    : [];
}
