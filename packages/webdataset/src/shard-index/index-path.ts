import { isUrl } from '../source/shard-input.ts';

/** Where the index beside a shard is: `.idx` in place of `.tar`, before a URL's query. Meant for uncompressed shards only. */
export function indexPathOf(shard: string): string {
  const end = isUrl(shard) ? shard.search(/[?#]|$/) : shard.length;
  return `${shard.slice(0, end).replace(/\.tar$/, '')}.idx${shard.slice(end)}`;
}
