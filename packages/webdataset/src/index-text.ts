/** The former place of the index format, for what still imports it from here. */
export { indexPathOf } from './shard-index/index-path.ts';
export { formatIndex, isIndexable } from './shard-index/index-text.ts';
