import { resourceIdExpression } from '../template/expression.ts';
import type { Resource } from './resource.ts';

const API_VERSION = '2024-05-01';

/** Lets machines without a public address reach the internet by that of the gateway; nothing comes in through it. */
export function natGateway({
  key,
  name,
  location,
  address,
}: {
  readonly key: string;
  readonly name: string;
  readonly location: string;
  readonly address: Resource;
}): Resource {
  return {
    key,
    type: 'Microsoft.Network/natGateways',
    apiVersion: API_VERSION,
    name,
    location,
    tags: {},
    sku: { name: 'Standard' },
    properties: { publicIpAddresses: [{ id: resourceIdExpression(address.type, address.name) }] },
    dependsOn: [address.key],
  };
}

/** One direction of a connection between two networks, which may be in different regions; it works when there are both. */
export function networkPeering({ key, from, to }: { readonly key: string; readonly from: Resource; readonly to: Resource }): Resource {
  return {
    key,
    type: 'Microsoft.Network/virtualNetworks/virtualNetworkPeerings',
    apiVersion: API_VERSION,
    name: `${from.name}/to-${to.name}`,
    properties: {
      allowVirtualNetworkAccess: true,
      allowForwardedTraffic: false,
      allowGatewayTransit: false,
      useRemoteGateways: false,
      remoteVirtualNetwork: { id: resourceIdExpression(to.type, to.name) },
    },
    dependsOn: [from.key, to.key],
  };
}
