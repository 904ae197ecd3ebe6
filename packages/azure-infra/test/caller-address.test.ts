import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callerNetwork } from '../src/caller-address.ts';

describe('callerNetwork', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7/32'],
    ['20.48.1.2', '20.48.1.2/32'],
    ['172.15.255.255', '172.15.255.255/32'],
    ['172.32.0.0', '172.32.0.0/32'],
    ['100.63.255.255', '100.63.255.255/32'],
    ['::ffff:203.0.113.7', '203.0.113.7/32'],
  ])('%s is %s', (address, network) => {
    expect(callerNetwork(address)).toBe(network);
  });

  it.each([
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '169.254.169.254',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::ffff:10.1.2.3',
  ])('refuses %s', (address) => {
    expect(() => callerNetwork(address)).toThrow(/is not a public one.*SSH_SOURCES/);
  });

  it.each(['::', '::1', 'fe80::1%eth0', '2a02:908:1234::1'])('refuses %s, from which the VM cannot be reached', (address) => {
    expect(() => callerNetwork(address)).toThrow(/is an IPv6 one.*SSH_SOURCES/);
  });

  it.each([undefined, '', 'somewhere', '1.2.3', '203.0.113.7/32', '203.0.113.7, 10.0.0.1'])(
    'asks for SSH_SOURCES when there is none: %s',
    (address) => {
      expect(() => callerNetwork(address)).toThrow('SSH_SOURCES');
    },
  );

  it('takes only addresses, and gives one of them alone', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (address) => {
        let network: string;
        try {
          network = callerNetwork(address);
        } catch (error) {
          expect(error).toHaveProperty('code', 'INFRA_CALLER_ADDRESS');
          return;
        }
        expect(network).toMatch(/^[\d.]+\/32$/);
      }),
    );
  });
});
