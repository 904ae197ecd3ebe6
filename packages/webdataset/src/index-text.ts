import type { ShardIndex } from './shard-index/shard-index.ts';

export function indexPathOf(path: string): string {
  return path.replace(/\.tar$/, '') + '.idx';
}

export function formatIndex({ samples }: ShardIndex): string {
  const lines = samples.map(({ fields }) =>
    [...fields].map(([field, { offset, size, name }]) => `${field} ${offset} ${size} ${name ?? ''}`).join(' '),
  );
  return [`v1.2 ${samples.length}`, ...lines, ''].join('\n');
}
