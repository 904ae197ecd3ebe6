import { costItems, type PricedResource } from './cost-items.ts';
import { estimateItems, type CostEstimate } from './estimate-cost.ts';
import type { PriceSource } from './price-source.ts';

/** What is known of an environment that exists. */
export interface RunningEnvironment {
  readonly resources: readonly PricedResource[];
  readonly createdAt: Date;
  readonly now: Date;
  /** Of its VM, without the prefix: `running`, `deallocated`; undefined when there is no VM. */
  readonly powerState: string | undefined;
}

/** What an environment has cost, as far as it can be told without the bill. */
export interface CostSoFar {
  /** Always an estimate: discounts, changes and what is paid by use are not in it. */
  readonly estimate: true;
  readonly amount: number;
  /** Since it was made; never negative. */
  readonly hours: number;
  /** What was taken for granted. */
  readonly assumptions: readonly string[];
  /** What it costs by the hour in its present state, which was taken for the whole time. */
  readonly rate: CostEstimate;
}

const MS_PER_HOUR = 3_600_000;

/** A VM in this state gives its cores back and is not paid; its disks and its address are. All other states are paid. */
const UNPAID = 'deallocated';

/**
 * What an environment has cost since it was made, by list prices and by what it is now: Azure keeps no record of when a VM ran that could be
 * read without access to the bill.
 *
 * @throws {InfraError} `INFRA_PRICES_UNAVAILABLE` when the prices could not be asked.
 */
export async function costSoFar(environment: RunningEnvironment, prices: PriceSource, signal: AbortSignal): Promise<CostSoFar> {
  const { resources, createdAt, now, powerState } = environment;
  const idle = powerState === UNPAID;
  const items = costItems(resources).filter(({ query }) => !(idle && query?.service === 'vm'));
  const rate = await estimateItems(items, prices, signal);
  const hours = Math.max(0, now.getTime() - createdAt.getTime()) / MS_PER_HOUR;
  return { estimate: true, amount: rate.hourly * hours, hours, assumptions: assume(powerState, idle), rate };
}

function assume(powerState: string | undefined, idle: boolean): string[] {
  if (powerState === undefined) return ['no VM is counted'];
  return [idle ? 'the VM is deallocated now; the time when it ran is not counted' : 'the VM has run all the time'];
}
