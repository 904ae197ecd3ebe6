import { describe, expect, it } from 'vitest';
import { FetchScheduler, type FetchPriority, type FetchTicket } from '../src/fetch-scheduler.ts';
import { MemoryBudget } from '../src/memory-budget.ts';

const never = new AbortController().signal;

/** Enters requests by name; `started` lists those that were let in, in order. */
function queue(limit: number) {
  const scheduler = new FetchScheduler(limit);
  const started: string[] = [];
  const enter = (name: string, priority: FetchPriority, signal = never) => {
    const ticket = scheduler.enter(priority, signal);
    ticket.started.then(
      () => started.push(name),
      () => started.push(`${name} aborted`),
    );
    return ticket;
  };
  return { scheduler, started, enter };
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('the queue of requests', () => {
  it('lets readers in before read-ahead, and that before warm-up, each in order of arrival', async () => {
    const { started, enter } = queue(1);
    const first = enter('first', 'warm');
    const tickets = new Map<string, FetchTicket>();
    tickets.set('w1', enter('w1', 'warm'));
    tickets.set('r1', enter('r1', 'readahead'));
    tickets.set('d1', enter('d1', 'demand'));
    tickets.set('d2', enter('d2', 'demand'));
    tickets.set('r2', enter('r2', 'readahead'));
    first.release();
    for (const name of ['d1', 'd2', 'r1', 'r2', 'w1']) {
      await settle();
      expect(started.at(-1)).toBe(name);
      tickets.get(name)?.release();
    }
    expect(started).toEqual(['first', 'd1', 'd2', 'r1', 'r2', 'w1']);
  });

  it('keeps an eighth of the slots for readers', async () => {
    const { scheduler, enter } = queue(16);
    for (let index = 0; index < 20; index++) enter(`w${index}`, 'warm');
    expect(scheduler.active).toBe(14);
    enter('d1', 'demand');
    enter('d2', 'demand');
    enter('d3', 'demand');
    expect(scheduler.active).toBe(16);
    await settle();
  });

  it('moves a waiting request up when a reader joins it', async () => {
    const { started, enter } = queue(1);
    const first = enter('first', 'demand');
    enter('r1', 'readahead');
    enter('w1', 'warm').promote();
    first.release();
    await settle();
    expect(started).toEqual(['first', 'w1']);
  });

  it('forgets an aborted request that waits, and counts no slot twice', async () => {
    const { scheduler, started, enter } = queue(1);
    const first = enter('first', 'demand');
    const controller = new AbortController();
    const second = enter('second', 'demand', controller.signal);
    controller.abort();
    enter('third', 'demand', AbortSignal.abort());
    await settle();
    expect(scheduler.queued).toBe(0);
    second.release();
    first.release();
    first.release();
    await settle();
    expect(scheduler.active).toBe(0);
    expect(started).toEqual(['first', 'second aborted', 'third aborted']);
  });
});

describe('the memory budget', () => {
  it('leaves a quarter to readers', async () => {
    const budget = new MemoryBudget(100, 0);
    const isWarm = (): boolean => false;
    const isDemand = (): boolean => true;
    await budget.take(75, isWarm, never);
    let warm = false;
    const waiting = budget.take(10, isWarm, never).then(() => (warm = true));
    await budget.take(25, isDemand, never);
    await settle();
    expect(warm).toBe(false);
    expect(budget.used).toBe(100);
    budget.give(75);
    await waiting;
    expect(budget.used).toBe(35);
  });

  it('serves a request that has become a reader’s before the others', async () => {
    const budget = new MemoryBudget(100, 0);
    let joined = false;
    const order: string[] = [];
    await budget.take(100, () => true, never);
    const others = [
      budget.take(20, () => false, never).then(() => order.push('warm')),
      budget.take(20, () => joined, never).then(() => order.push('joined')),
    ];
    joined = true;
    budget.give(20);
    await settle();
    expect(order).toEqual(['joined']);
    budget.give(80);
    await Promise.all(others);
  });

  it('lets go of a request that is aborted', async () => {
    const budget = new MemoryBudget(100, 0);
    await budget.take(100, () => true, never);
    const controller = new AbortController();
    const waiting = budget.take(50, () => true, controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    budget.give(100);
    expect(budget.used).toBe(0);
    await expect(budget.take(1, () => true, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('reuses only buffers of the one length', () => {
    const budget = new MemoryBudget(100, 10);
    const buffer = budget.buffer(10);
    budget.recycle(buffer);
    budget.recycle(budget.buffer(7));
    expect(budget.buffer(10)).toBe(buffer);
    expect(budget.buffer(10)).not.toBe(buffer);
  });
});
