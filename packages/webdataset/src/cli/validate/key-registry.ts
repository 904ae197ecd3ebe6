import { crc32 } from 'node:zlib';

/** A `Map` holds at most 16 million entries; this many hold a billion keys. */
const MAPS = 64;

/** Remembers in which shard each key of a data set was seen first. */
export class KeyRegistry {
  readonly #shards = Array.from({ length: MAPS }, () => new Map<string, number>());

  /** Registers a key; returns the number of the shard that had it before, if one did. */
  add(key: string, shard: number): number | undefined {
    const keys = this.#shards[crc32(key) % MAPS];
    const before = keys?.get(key);
    if (before === undefined) keys?.set(key, shard);
    return before;
  }
}
