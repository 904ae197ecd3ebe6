import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDuration, parseListenAddress, parseSize } from '../src/config/units.ts';

describe('parseSize', () => {
  it.each([
    ['0', 0],
    ['1048576', 1024 ** 2],
    ['4096B', 4096],
    ['512KB', 512 * 1024],
    ['512KiB', 512 * 1024],
    ['4MB', 4 * 1024 ** 2],
    ['4M', 4 * 1024 ** 2],
    [' 4 mib ', 4 * 1024 ** 2],
    ['1.5GB', 1.5 * 1024 ** 3],
    ['2TB', 2 * 1024 ** 4],
    ['1PiB', 1024 ** 5],
  ])('reads %s as %d bytes: all units are binary', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', 'MB', '-1MB', '4XB', '4 M B', '1e3', '0x10', '9999999PB', '4,5MB', 'NaN'])('does not take %j', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });

  it('reads every number of bytes back', () => {
    fc.assert(fc.property(fc.maxSafeNat(), (bytes) => parseSize(String(bytes)) === bytes));
  });
});

describe('parseDuration', () => {
  it.each([
    ['0', 0],
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['1.5h', 5_400_000],
    ['10 s', 10_000],
  ])('reads %s as %d ms', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(['', '30', '-5s', '5d', '1h30m', 's', 'Infinityh'])('does not take %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe('parseListenAddress', () => {
  it.each([
    ['127.0.0.1:9090', { host: '127.0.0.1', port: 9090 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    [':9090', { host: '::', port: 9090 }],
    ['[::1]:9090', { host: '::1', port: 9090 }],
    ['0.0.0.0:65535', { host: '0.0.0.0', port: 65_535 }],
  ])('reads %s', (text, address) => {
    expect(parseListenAddress(text)).toEqual(address);
  });

  it.each(['', '9090', '127.0.0.1', '127.0.0.1:', '127.0.0.1:65536', '::1:9090', 'http://localhost:9090', 'a b:1'])(
    'does not take %j',
    (text) => {
      expect(parseListenAddress(text)).toBeUndefined();
    },
  );
});
