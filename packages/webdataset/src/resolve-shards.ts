import type { ShardInput } from './source/shard-input.ts';

/**
 * Turns what a user names into shards, in order: paths and URLs with braces (`shard-{000..099}.tar`), lists (`a.tar::b.tar`), globs
 * (`data/*.tar`), folders (all shards below), and custom shards as they are.
 *
 * @throws {@link ShardsNotFoundError} when a part names nothing
 */
export function resolveShards(spec: string | readonly ShardInput[]): Promise<ShardInput[]> {
  return Promise.reject(new Error(`${String(spec)}: under construction`));
}
