import { natGateway, networkPeering } from '../graph/network-links.ts';
import { publicIpAddress, sshSecurityGroup, virtualNetwork } from '../graph/network.ts';
import type { Resource } from '../graph/resource.ts';

/** Subnets of the network of a CacheWarmer. */
export const SUBNETS = { controller: 'controller', workers: 'workers' } as const;
/** The subnet of the filer's own network. */
export const FILER_SUBNET = 'filer';

/** Beside the network of the environment for training (10.20.0.0/16), so that the two can be peered. */
export const CACHE_WARMER_SPACE = '10.21.0.0/16';
const CONTROLLER_PREFIX = '10.21.0.0/24';
/** Room for the thousand instances that a scale set may have. */
const WORKERS_PREFIX = '10.21.4.0/22';
const FILER_SPACE = '10.22.0.0/16';
const FILER_PREFIX = '10.22.0.0/24';

const STORAGE_SERVICE = 'Microsoft.Storage';

/** What the networks are made for. */
export interface CacheWarmerNetworkOptions {
  /** What names begin with. */
  readonly prefix: string;
  readonly locations: { readonly a: string; readonly b: string };
  readonly sshSources: readonly string[];
  /** Whether machines without a public address reach the internet. */
  readonly natGateway: boolean;
}

/**
 * The network of controller and workers. Only the controller can be reached from outside, by SSH. Storage is reached within Azure, so that
 * neither a way to the internet is needed for it nor its traffic is paid.
 */
export function cacheWarmerNetwork(options: CacheWarmerNetworkOptions): {
  readonly network: Resource;
  readonly resources: readonly Resource[];
} {
  const { prefix, sshSources } = options;
  const location = options.locations.a;
  const controllerGuard = sshSecurityGroup({ key: 'controller-nsg', name: `${prefix}-controller-nsg`, location, sources: sshSources });
  const workersGuard = sshSecurityGroup({ key: 'workers-nsg', name: `${prefix}-workers-nsg`, location, sources: [] });
  const wayOut = options.natGateway ? gateway('workers', prefix, location) : undefined;
  const serviceEndpoints = [STORAGE_SERVICE];
  const network = virtualNetwork({
    key: 'network',
    name: `${prefix}-vnet`,
    location,
    addressSpace: CACHE_WARMER_SPACE,
    subnets: [
      { name: SUBNETS.controller, prefix: CONTROLLER_PREFIX, securityGroup: controllerGuard, serviceEndpoints },
      { name: SUBNETS.workers, prefix: WORKERS_PREFIX, securityGroup: workersGuard, serviceEndpoints, ...outBy(wayOut) },
    ],
  });
  return { network, resources: [controllerGuard, workersGuard, ...(wayOut?.resources ?? []), network] };
}

/** A network of its own for the filer, in another region, which the other one reaches and is reached by. */
export function filerNetwork(
  options: CacheWarmerNetworkOptions,
  main: Resource,
): { readonly network: Resource; readonly resources: readonly Resource[] } {
  const { prefix } = options;
  const location = options.locations.b;
  const guard = sshSecurityGroup({ key: 'filer-nsg', name: `${prefix}-filer-nsg`, location, sources: [] });
  const wayOut = options.natGateway ? gateway('filer', prefix, location) : undefined;
  const network = virtualNetwork({
    key: 'filer-network',
    name: `${prefix}-filer-vnet`,
    location,
    addressSpace: FILER_SPACE,
    subnets: [{ name: FILER_SUBNET, prefix: FILER_PREFIX, securityGroup: guard, ...outBy(wayOut) }],
  });
  const peerings = [
    networkPeering({ key: 'peering-to-filer', from: main, to: network }),
    networkPeering({ key: 'peering-from-filer', from: network, to: main }),
  ];
  return { network, resources: [guard, ...(wayOut?.resources ?? []), network, ...peerings] };
}

interface WayOut {
  readonly gateway: Resource;
  readonly resources: readonly Resource[];
}

function gateway(of: string, prefix: string, location: string): WayOut {
  const address = publicIpAddress({ key: `${of}-nat-ip`, name: `${prefix}-${of}-nat-ip`, location });
  const nat = natGateway({ key: `${of}-nat`, name: `${prefix}-${of}-nat`, location, address });
  return { gateway: nat, resources: [address, nat] };
}

function outBy(wayOut: WayOut | undefined): { readonly natGateway?: Resource } {
  return wayOut === undefined ? {} : { natGateway: wayOut.gateway };
}
