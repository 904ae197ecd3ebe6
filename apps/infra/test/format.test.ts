import { describe, expect, it } from 'vitest';
import { formatBytes, formatCount, formatDuration, formatRate } from '../src/format.ts';

describe('numbers for people', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [2 ** 30, '1.0 GiB'],
    [2 ** 80, '1073741824.0 PiB'],
  ])('formats %d bytes', (bytes, expected) => {
    expect(formatBytes(bytes)).toBe(expected);
  });

  it.each([
    [0, '0.0s'],
    [2345, '2.3s'],
    [61_000, '1m01s'],
    [90_061_000, '25h01m'],
  ])('formats %d milliseconds', (milliseconds, expected) => {
    expect(formatDuration(milliseconds)).toBe(expected);
  });

  it('formats rates and counts', () => {
    expect(formatRate(12_500_000, 1000)).toBe('12.5 MB/s');
    expect(formatRate(5, 0)).toBe('0.0 MB/s');
    expect([formatCount(1, 'shard'), formatCount(0, 'shard')]).toEqual(['1 shard', '0 shards']);
  });
});
