import { BlockList, isIPv4 } from 'node:net';
import { ArmError } from '../arm/arm-error.ts';
import type { ArmContext } from '../arm/context.ts';
import { listAt, objectAt, stringAt, withValue, type JsonObject } from '../arm/json.ts';
import { parentOf, type ResourceId } from '../arm/resource-id.ts';
import type { DesiredResource, ResourceType } from '../arm/resource-type.ts';
import type { StoredResource } from '../arm/store.ts';
import { oneOf, text } from './body.ts';
import { NETWORK_NAMING, NETWORK_READ_ONLY, NETWORK_TIMING, referenced } from './network-references.ts';
import { PEERING_TYPE } from './virtual-networks.ts';

const REMOTE = 'properties.remoteVirtualNetwork.id';
const STATE = 'properties.peeringState';

/**
 * One direction of the connection of two networks, which may be in different regions: `Initiated` until there is the other one, `Connected`
 * with it, and `Disconnected` when the other one is gone.
 */
export const NETWORK_PEERING: ResourceType = {
  ...NETWORK_TIMING,
  type: PEERING_TYPE,
  tracked: false,
  naming: NETWORK_NAMING,
  check: ({ body }) => {
    text(body, REMOTE);
    for (const flag of ['allowVirtualNetworkAccess', 'allowForwardedTraffic', 'allowGatewayTransit', 'useRemoteGateways']) {
      oneOf(body, `properties.${flag}`, [true, false]);
    }
  },
  build,
  linked: ({ body }) => [{ scope: text(body, REMOTE), action: 'Microsoft.Network/virtualNetworks/peer/action' }],
  settle: (peering, context) => {
    const other = counterpart(peering, context);
    if (other?.provisioned !== true) return;
    for (const { id } of [peering, other]) context.store.update(id.id, (body) => withValue(body, STATE, 'Connected'));
  },
  gone: (peering, context) => {
    const other = counterpart(peering, context);
    if (other !== undefined) context.store.update(other.id.id, (body) => withValue(body, STATE, 'Disconnected'));
  },
  readOnly: [...NETWORK_READ_ONLY, STATE],
  whatIfIgnores: [
    ...['resourceGuid', 'provisioningState', 'peeringState', 'peeringSyncLevel', 'remoteAddressSpace', 'remoteVirtualNetworkAddressSpace'],
    ...['allowVirtualNetworkAccess', 'allowForwardedTraffic', 'allowGatewayTransit', 'useRemoteGateways', 'doNotVerifyRemoteGateways'],
  ].map((name) => `properties.${name}`),
};

function build({ id, body, current }: DesiredResource, context: ArmContext): JsonObject {
  const remote = referenced(id, text(body, REMOTE), context);
  const local = parentOf(id) ?? '';
  const double = peeringsOf(local, context).find((other) => other.id.key !== id.key && refersTo(other, remote.id));
  if (double !== undefined) {
    throw new ArmError(
      400,
      'AnotherPeeringAlreadyReferencesRemoteVnet',
      `Cannot create or update peering ${id.id}. Peering ${double.id.id} already references remote virtual network ${remote.id.id}.`,
    );
  }
  const spaces = [context.store.get(local), remote].map((network) => listAt(network?.body, 'properties.addressSpace.addressPrefixes'));
  const [here = [], there = []] = spaces.map((prefixes) => prefixes.filter((prefix) => typeof prefix === 'string'));
  const overlapping = here.filter((prefix) => there.some((other) => overlap(prefix, other)));
  if (overlapping.length > 0) {
    throw new ArmError(
      400,
      'VnetAddressSpacesOverlap',
      `Cannot create or update peering ${id.id}. Virtual networks ${local} and ${remote.id.id} cannot be peered because their address spaces overlap. ` +
        `Overlapping address prefixes: ${overlapping.join(', ')}`,
    );
  }
  const wanted: StoredResource = { id, body, createdAt: 0, provisioned: false };
  const other = counterpart(wanted, context);
  if (other !== undefined && stringAt(other.body, STATE) === 'Disconnected') {
    throw new ArmError(
      400,
      'RemotePeeringIsDisconnected',
      `Cannot create or update peering ${id.id} because remote peering ${other.id.id} referencing parent virtual network ${local} is in Disconnected state. ` +
        'Update or re-create the remote peering to get it back to Initiated state. Peering gets Disconnected when remote vnet or remote peering is deleted and re-created.',
    );
  }
  return {
    properties: {
      resourceGuid: stringAt(current?.body, 'properties.resourceGuid') ?? context.guids.next(`peering ${id.key}`),
      allowVirtualNetworkAccess: true,
      allowForwardedTraffic: false,
      allowGatewayTransit: false,
      useRemoteGateways: false,
      doNotVerifyRemoteGateways: false,
      ...objectAt(body, 'properties'),
      remoteAddressSpace: { addressPrefixes: there },
      remoteVirtualNetworkAddressSpace: { addressPrefixes: there },
      peeringSyncLevel: 'FullyInSync',
      peeringState: 'Initiated',
      provisioningState: 'Succeeded',
    },
  };
}

/** The other direction: a peering of the remote network that refers to this one's. */
function counterpart({ id, body }: StoredResource, context: ArmContext): StoredResource | undefined {
  const local = (parentOf(id) ?? '').toLowerCase();
  return peeringsOf(stringAt(body, REMOTE) ?? '', context).find((other) => stringAt(other.body, REMOTE)?.toLowerCase() === local);
}

function peeringsOf(network: string, { store }: ArmContext): readonly StoredResource[] {
  return network === '' ? [] : store.ofType(PEERING_TYPE, network);
}

function refersTo(peering: StoredResource, { key }: ResourceId): boolean {
  return stringAt(peering.body, REMOTE)?.toLowerCase() === key;
}

/** Whether two networks in CIDR notation have an address in common: then one holds the first address of the other. */
function overlap(a: string, b: string): boolean {
  return holds(a, b) || holds(b, a);
}

function holds(network: string, other: string): boolean {
  const [[address = '', prefix], [inner = '']] = [network.split('/'), other.split('/')];
  if (!isIPv4(address) || !isIPv4(inner)) return false;
  const list = new BlockList();
  list.addSubnet(address, Number(prefix));
  return list.check(inner);
}
