import { BlockList, isIP } from 'node:net';
import { InfraError } from './errors.ts';

/**
 * Networks from which no request comes to Azure's front doors: private, shared by carriers, loopback, link-local, multicast and reserved ones.
 * https://www.iana.org/assignments/iana-ipv4-special-registry
 * Networks kept for documentation are not among them: an address from there does no harm.
 */
const NOT_PUBLIC_V4: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
];

const notPublic = new BlockList();
for (const [network, prefix] of NOT_PUBLIC_V4) notPublic.addSubnet(network, prefix, 'ipv4');

/**
 * The network that consists of the caller's public address alone: `203.0.113.7/32`.
 *
 * @param address claim `ipaddr` of the access token
 * @throws {InfraError} `INFRA_CALLER_ADDRESS` when there is none, or it is no public IPv4 address.
 */
export function callerNetwork(address: string | undefined): string {
  if (address === undefined || address === '') throw unusable('the access token does not tell your address');
  // A server that listens on IPv6 sees IPv4 clients in this form.
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (isIP(plain) === 4 && !notPublic.check(plain, 'ipv4')) return `${plain}/32`;
  // The VM has an IPv4 address only, and nobody reaches it from this one.
  if (isIP(plain) === 6) throw unusable(`your address ${plain} is an IPv6 one, and the VM is reached by IPv4`);
  throw unusable(isIP(plain) === 0 ? 'the access token has something else than an address' : `your address ${plain} is not a public one`);
}

function unusable(reason: string): InfraError {
  return new InfraError(
    'INFRA_CALLER_ADDRESS',
    `${reason}, so it is not known who may reach port 22: give the networks with SSH_SOURCES or --ssh-sources, such as 203.0.113.7/32`,
  );
}
