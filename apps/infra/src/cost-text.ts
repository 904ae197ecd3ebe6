import type { CostEstimate, CostSoFar } from '@warpforge/azure-infra';

/** An estimate: the sum on a line, then a line for each thing that is paid, what has no price, and what is not in it. Ends with a line break. */
export function formatEstimate(estimate: CostEstimate): string {
  const { hourly, monthly, source } = estimate;
  const total =
    source === undefined ? 'unknown' : `${money(estimate, hourly, 2)}/h, about ${money(estimate, monthly, 0)}/month${basis(estimate)}`;
  return [`Cost: ${total}`, ...details(estimate)].join('\n').concat('\n');
}

/** What an environment has cost, in the same form; says that it is an estimate. */
export function formatCostSoFar({ amount, hours, assumptions, rate }: CostSoFar): string {
  const total =
    rate.source === undefined
      ? 'unknown'
      : `${money(rate, amount, 2)} in ${duration(hours)}, if ${assumptions.join(' and ')}; now ${money(rate, rate.hourly, 2)}/h${basis(rate)}`;
  return [`Estimated cost so far: ${total}`, ...details(rate)].join('\n').concat('\n');
}

function basis({ source }: CostEstimate): string {
  return source === undefined ? '' : ` (list prices of ${source.date}${source.kind === 'snapshot' ? ', a snapshot' : ''})`;
}

function details(estimate: CostEstimate): string[] {
  const { lines, missing, notIncluded } = estimate;
  const priced = lines.filter(({ hourly }) => hourly !== undefined);
  const width = Math.max(0, ...priced.map(({ description }) => description.length));
  return [
    ...priced.map(({ description, hourly = 0, note }) => {
      const price = `  ${description.padEnd(width)}  ${money(estimate, hourly, 3)}/h`;
      return note === undefined ? price : `${price}  (${note})`;
    }),
    ...missing.map((one) => `  ${one}`),
    ...(notIncluded.length === 0 ? [] : [`  not included: ${enumerate(notIncluded)}`]),
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
