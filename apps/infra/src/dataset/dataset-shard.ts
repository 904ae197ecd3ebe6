/** A shard on this machine, and its index. */
export interface DatasetShard {
  /** Name in the container, without the prefix: `shard-000000.tar`. */
  readonly name: string;
  /** Decides the account: even numbers are in A, odd ones in B. */
  readonly number: number;
  /** Undefined when the file is not on this machine. */
  readonly path: string | undefined;
  /** Undefined when it has no index; its path is undefined when that is not on this machine. */
  readonly index: { readonly path: string | undefined } | undefined;
}

/** Even shards belong to A, odd ones to B. */
export function accountOf({ number }: DatasetShard): 'a' | 'b' {
  return number % 2 === 0 ? 'a' : 'b';
}

/** Name of a shard's index, beside it. */
export function indexNameOf({ name }: DatasetShard): string {
  return name.replace(/\.tar$/, '.idx');
}
