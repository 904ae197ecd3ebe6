import type { CostEstimate, CostSoFar } from '@warpforge/azure-infra';

/**
 * An estimate on one line: `$0.23/h, about $165/month; VM Standard_D4s_v5 $0.214/h, …; storage by the GB, operations and egress not included;
 * list prices of 2025 (snapshot)`.
 */
export function formatEstimate(estimate: CostEstimate): string {
  const { hourly, monthly, source } = estimate;
  const total = source === undefined ? 'cost unknown' : `${money(estimate, hourly, 2)}/h, about ${money(estimate, monthly, 0)}/month`;
  return [total, ...details(estimate)].join('; ');
}

/** What an environment has cost, on one line that begins with `estimated`. */
export function formatCostSoFar({ amount, hours, assumptions, rate }: CostSoFar): string {
  if (rate.source === undefined) return ['estimated cost so far: unknown', ...details(rate)].join('; ');
  const total = `estimated cost so far: ${money(rate, amount, 2)} in ${duration(hours)}, if ${assumptions.join(' and ')}`;
  return [total, `now ${money(rate, rate.hourly, 2)}/h`, ...details(rate)].join('; ');
}

function details(estimate: CostEstimate): string[] {
  const { lines, missing, notIncluded, source } = estimate;
  const priced = lines.flatMap(({ description, hourly, note }) =>
    hourly === undefined ? [] : `${description} ${money(estimate, hourly, 3)}/h${note === undefined ? '' : ` (${note})`}`,
  );
  return [
    ...(priced.length === 0 ? [] : [priced.join(', ')]),
    ...missing,
    ...(notIncluded.length === 0 ? [] : [`${enumerate(notIncluded)} not included`]),
    ...(source === undefined ? [] : [`list prices of ${source.date}${source.kind === 'snapshot' ? ' (snapshot)' : ''}`]),
  ];
}

function money({ currency }: CostEstimate, amount: number, digits: number): string {
  const options = { style: 'currency', currency, minimumFractionDigits: digits, maximumFractionDigits: digits } as const;
  return new Intl.NumberFormat('en-US', options).format(amount);
}

function enumerate(words: readonly string[]): string {
  return new Intl.ListFormat('en-GB', { type: 'conjunction' }).format(words);
}

/** `5 h`, from two days on `3 days`. */
function duration(hours: number): string {
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`;
}
