/** From a standing to a state and back. */
import { WebDatasetError } from '../errors.ts';
import { type OrderKey, ShuffledOrder } from '../order/shuffled-order.ts';
import { MEMBER_WORDS, NO_WINDOW, NONE } from '../workers/protocol.ts';
import type { EpochStart } from './epoch.ts';
import type { Standing } from './journal.ts';
import { chunkWidth, type SampleReference } from './reference.ts';
import type { ShardUses } from './shard-use.ts';
import { type LoaderState, type OrderIdentity, STATE_VERSION, type StoredReference } from './state.ts';

/** What a state says besides where it stands. */
export interface StateIdentity {
  readonly fingerprint: string;
  readonly order: OrderIdentity;
  readonly epoch: number;
}

/** Writes a standing down as plain data. */
export function toState(identity: StateIdentity, standing: Standing, delivered: number, fields: number): LoaderState {
  const { position, failures, walk, buffer } = standing;
  const items = buffer.items.map((reference) => store(reference, fields));
  return { version: STATE_VERSION, ...identity, position, delivered, failures, walk, buffer: { random: buffer.random, items } };
}

/** Where an epoch begins that goes on from a state. */
export function restoreState(state: LoaderState, uses: ShardUses, fields: number): EpochStart {
  const { position, delivered, failures, walk, buffer, order: identity, epoch } = state;
  const key: OrderKey = { seed: identity.seed, epoch, rank: identity.rank };
  const items = restoreReferences(buffer.items, uses, fields);
  const order = new ShuffledOrder<SampleReference>(capacityOf(identity), key, { items, random: buffer.random });
  return { position, delivered, failures, walk, order, uses, isResumed: true };
}

/** The size of the shuffle buffer. */
export function capacityOf({ shuffle, shuffleBuffer }: OrderIdentity): number {
  return shuffle ? shuffleBuffer : 0;
}

/**
 * Checks that a state, which may come from anywhere, fits.
 *
 * @throws {@link WebDatasetError} `WDS_STATE_MISMATCH`
 */
export function checkState(state: LoaderState, { fingerprint, order }: Omit<StateIdentity, 'epoch'>): void {
  const found = propertiesOf(state);
  const version = found.get('version');
  if (version === undefined) throw mismatch('it is no state of a loader');
  if (version !== STATE_VERSION) throw mismatch(`its version is ${JSON.stringify(version)}, and only ${STATE_VERSION} is read`);
  const isWhole =
    PROPERTIES.every((name) => found.has(name)) &&
    WALK_PROPERTIES.every((name) => propertiesOf(found.get('walk')).has(name)) &&
    Array.isArray(propertiesOf(found.get('buffer')).get('items'));
  if (!isWhole) throw mismatch('parts of it are missing');
  const differences = differencesOf(propertiesOf(found.get('order')), order);
  if (differences.length > 0) throw mismatch(`it was taken with other settings: ${differences.join(', ')}`);
  if (found.get('fingerprint') !== fingerprint) {
    throw mismatch('it belongs to another data set: names, sizes, number or order of the shards differ');
  }
}

const PROPERTIES: readonly (keyof LoaderState)[] = ['order', 'epoch', 'position', 'delivered', 'failures', 'walk', 'buffer'];
const WALK_PROPERTIES: readonly (keyof LoaderState['walk'])[] = ['round', 'visit', 'sample', 'offset'];

function propertiesOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map<string, unknown>(typeof value === 'object' && value !== null ? Object.entries(value) : []);
}

function mismatch(reason: string): WebDatasetError {
  return new WebDatasetError('WDS_STATE_MISMATCH', `the state cannot be resumed here: ${reason}`);
}

function differencesOf(before: ReadonlyMap<string, unknown>, now: OrderIdentity): string[] {
  return Object.entries(now).flatMap(([name, value]) => {
    const was = before.has(name) ? JSON.stringify(before.get(name)) : 'not there';
    const is = JSON.stringify(value);
    return was === is ? [] : [`${name} was ${was}, is ${is}`];
  });
}

function store({ chunk, index }: SampleReference, fields: number): StoredReference {
  const members: number[] = [];
  const start = index * chunkWidth(fields);
  for (let field = 0; field < fields; field++) {
    members.push(chunk.members[start + field * MEMBER_WORDS] ?? NONE, chunk.members[start + field * MEMBER_WORDS + 1] ?? NONE);
  }
  const fault = chunk.faults.get(index);
  const stored = { shard: chunk.use.shard, key: chunk.keys[index] ?? '', members };
  return fault === undefined ? stored : { ...stored, fault: { code: fault.code, reason: fault.reason, offset: fault.offset ?? null } };
}

/** The references of one shard share its use, which opens it when the first of them is needed. */
function restoreReferences(items: readonly StoredReference[], uses: ShardUses, fields: number): SampleReference[] {
  const byShard = Map.groupBy(items, ({ shard }) => shard);
  const references = new Map<StoredReference, SampleReference>();
  for (const [shard, stored] of byShard) {
    const use = uses.begin(shard);
    const members = new Float64Array(stored.length * chunkWidth(fields)).fill(NONE);
    const faults = new Map<number, WebDatasetError>();
    for (const [index, { key, members: pairs, fault }] of stored.entries()) {
      if (fault === undefined) use.hold(1);
      else faults.set(index, new WebDatasetError(fault.code, fault.reason, { shard: use.name, key, offset: fault.offset ?? undefined }));
      for (let field = 0; field < fields; field++) {
        const at = index * chunkWidth(fields) + field * MEMBER_WORDS;
        members[at] = pairs[2 * field] ?? NONE;
        members[at + 1] = pairs[2 * field + 1] ?? NONE;
        members[at + 2] = NO_WINDOW;
      }
    }
    // Where the samples stand in the walk matters to those that come, not to those that wait already.
    const chunk = { use, round: 0, visit: 0, first: 0, keys: stored.map(({ key }) => key), members, faults, lease: undefined };
    for (const [index, item] of stored.entries()) references.set(item, { chunk, index });
    use.release();
  }
  return items.flatMap((item) => references.get(item) ?? []);
}
