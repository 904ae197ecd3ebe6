import type { ShardLocation } from '../source/shard-bytes.ts';
import { type DecodeRequest, MEMBER_WORDS, NO_WINDOW, SOURCE_WORDS } from '../workers/protocol.ts';
import { chunkWidth, type PlacedReference } from './reference.ts';
import type { ShardUse } from './shard-use.ts';

/** Says where the fields of samples are to be found: in windows, as long as these are valid, else in the shards. */
export function sourcesOf(samples: readonly PlacedReference[], fields: number): Pick<DecodeRequest, 'keys' | 'sources' | 'shards'> {
  const width = 1 + fields * SOURCE_WORDS;
  const sources = new Float64Array(samples.length * width);
  const shards = new ShardTable();
  for (const [place, { reference }] of samples.entries()) {
    const { chunk, index } = reference;
    const window = chunk.lease?.valid === true ? chunk.lease.slot : NO_WINDOW;
    const from = index * chunkWidth(fields);
    const to = place * width;
    sources[to] = shards.numberOf(chunk.use);
    for (let field = 0; field < fields; field++) {
      const member = from + field * MEMBER_WORDS;
      const source = to + 1 + field * SOURCE_WORDS;
      const byteInWindow = window === NO_WINDOW ? NO_WINDOW : (chunk.members[member + 2] ?? NO_WINDOW);
      const isInWindow = byteInWindow !== NO_WINDOW;
      sources[source] = isInWindow ? window : NO_WINDOW;
      sources[source + 1] = isInWindow ? byteInWindow : (chunk.members[member] ?? 0);
      sources[source + 2] = chunk.members[member + 1] ?? 0;
    }
  }
  const keys = samples.map(({ reference: { chunk, index } }) => chunk.keys[index] ?? '');
  return { keys, sources, shards: shards.locations };
}

/** The shards that a request may have to read, each once. */
class ShardTable {
  readonly locations: ShardLocation[] = [];
  readonly #numbers = new Map<ShardUse, number>();

  numberOf(use: ShardUse): number {
    const known = this.#numbers.get(use);
    if (known !== undefined) return known;
    const { location } = use;
    if (location === undefined) throw new Error(`The shard ${use.name} was never located.`);
    this.#numbers.set(use, this.locations.length);
    return this.locations.push(location) - 1;
  }
}
