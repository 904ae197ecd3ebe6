import { WebDatasetError } from '../errors.ts';
import type { ShardLocation } from './shard-bytes.ts';
import { isUrl, shardName } from './shard-input.ts';

/** Where a path or URL is. */
export function toLocation(shard: string): ShardLocation {
  return isUrl(shard) ? toHttpLocation(shard) : { kind: 'file', name: shard, path: shard };
}

/** Where a URL is. User and password in it become a header, as `fetch` takes none in URLs. */
export function toHttpLocation(shard: string): Extract<ShardLocation, { kind: 'http' }> {
  if (!URL.canParse(shard)) throw new WebDatasetError('WDS_BAD_SPEC', `"${shard}" is no URL; check how it is written`);
  const url = new URL(shard);
  const { username, password } = url;
  url.username = '';
  url.password = '';
  const location = { kind: 'http', name: shardName(shard), url: url.href } as const;
  if (username === '' && password === '') return location;
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
  return { ...location, headers: { authorization: `Basic ${credentials}` } };
}
