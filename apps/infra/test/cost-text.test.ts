import type { CostEstimate, CostSoFar } from '@warpforge/azure-infra';
import { describe, expect, it } from 'vitest';
import { formatCostSoFar, formatEstimate } from '../src/cost-text.ts';

const ESTIMATE: CostEstimate = {
  lines: [
    { resource: 'vm', description: 'VM Standard_D4s_v5', hourly: 0.214, note: undefined },
    { resource: 'vm', description: 'OS disk StandardSSD_LRS 64 GiB', hourly: 0.00723, note: undefined },
    { resource: 'ip', description: 'public IP address', hourly: 0.005, note: undefined },
  ],
  hourly: 0.22623,
  monthly: 165.15,
  currency: 'USD',
  source: { kind: 'snapshot', date: '2025' },
  missing: [],
  notIncluded: ['storage by the GB', 'operations', 'egress'],
};
const LINES = [
  '  VM Standard_D4s_v5              $0.214/h',
  '  OS disk StandardSSD_LRS 64 GiB  $0.007/h',
  '  public IP address               $0.005/h',
].join('\n');
const NOT_INCLUDED = '  not included: storage by the GB, operations and egress\n';

describe('formatEstimate', () => {
  it('says what it costs, of what, without what, and by which prices', () => {
    expect(formatEstimate(ESTIMATE)).toBe(`Cost: $0.23/h, about $165/month (list prices of 2025, a snapshot)\n${LINES}\n${NOT_INCLUDED}`);
    expect(formatEstimate({ ...ESTIMATE, source: { kind: 'live', date: '2026-11-28' } })).toMatch(
      /^Cost: .* \(list prices of 2026-11-28\)\n/,
    );
  });

  it('says what varies and what has no price', () => {
    const lines = [
      { resource: 'vm', description: 'VM Standard_X (Spot)', hourly: 0.03, note: 'Spot price, which varies' },
      { resource: 'vm', description: 'OS disk', hourly: undefined, note: 'no price' },
    ];
    expect(formatEstimate({ ...ESTIMATE, lines, missing: ['no price for OS disk in eastus'] })).toContain(
      '\n  VM Standard_X (Spot)  $0.030/h  (Spot price, which varies)\n  no price for OS disk in eastus\n  not included',
    );
  });

  it('does not call unknown cost zero', () => {
    const unknown = { ...ESTIMATE, lines: [], hourly: 0, monthly: 0, source: undefined, missing: ['no price for VM X in marsnorth'] };
    expect(formatEstimate(unknown)).toBe(`Cost: unknown\n  no price for VM X in marsnorth\n${NOT_INCLUDED}`);
  });

  it('knows other currencies and large sums', () => {
    expect(formatEstimate({ ...ESTIMATE, currency: 'EUR', monthly: 93_000 })).toMatch(/^Cost: €0\.23\/h, about €93,000\/month/);
  });
});

describe('formatCostSoFar', () => {
  const cost: CostSoFar = { estimate: true, amount: 5.43, hours: 24, assumptions: ['the VM has run all the time'], rate: ESTIMATE };

  it('says that it is an estimate, and what it takes for granted', () => {
    expect(formatCostSoFar(cost)).toBe(
      `Estimated cost so far: $5.43 in 24 h, if the VM has run all the time; now $0.23/h (list prices of 2025, a snapshot)\n${LINES}\n${NOT_INCLUDED}`,
    );
    expect(formatCostSoFar({ ...cost, hours: 240 })).toContain(' in 10 days, ');
  });

  it('does not call unknown cost zero', () => {
    expect(formatCostSoFar({ ...cost, rate: { ...ESTIMATE, lines: [], source: undefined } })).toBe(
      `Estimated cost so far: unknown\n${NOT_INCLUDED}`,
    );
  });
});
