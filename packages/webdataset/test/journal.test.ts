import { describe, expect, it } from 'vitest';
import { Journal } from '../src/loader/journal.ts';
import type { ReferenceChunk, SampleReference } from '../src/loader/reference.ts';
import { ShardUses } from '../src/loader/shard-use.ts';
import { ShuffledOrder } from '../src/order/shuffled-order.ts';
import { InlineCrew } from '../src/workers/crew.ts';
import { setupOf } from './epoch-harness.ts';

const FIELDS = 1;
const key = { seed: 1, epoch: 0, rank: 0 };
const walk = { round: 0, visit: 0, sample: null, offset: null };

/** The references of one long shard, whose samples are 1000 bytes each. */
function references(count: number): SampleReference[] {
  const members = Float64Array.from({ length: count * 4 }, (_, at) => (at % 4 === 3 ? ((at + 1) / 4) * 1000 : 0));
  const keys = Array.from({ length: count }, (_, index) => String(index));
  const use = new ShardUses(['a.tar'], new InlineCrew(setupOf(1)), 0, 0).begin(0);
  const chunk: ReferenceChunk = { use, round: 0, visit: 0, keys, first: 0, members, faults: new Map(), lease: undefined };
  return keys.map((_, index) => ({ chunk, index }));
}

describe('a journal', () => {
  it('holds no more than what lies between what was released and the producer', () => {
    const journal = new Journal({ order: new ShuffledOrder(10, key), position: 0, failures: 0, walk }, FIELDS);
    for (const [index, reference] of references(1000).entries()) {
      journal.append(reference);
      if (index < 20 || index % 5 > 0) continue;
      const end = index - 15;
      expect(journal.delivered(end)).toBe(end);
      if (end > 5) journal.released(end - 5); // Two batches are out at most.
    }
    expect(journal.length).toBeLessThan(30);
  });

  it('holds no more either where all samples are left out', () => {
    const journal = new Journal({ order: new ShuffledOrder(10, key), position: 0, failures: 0, walk }, FIELDS);
    for (const [index, reference] of references(1000).entries()) {
      journal.append(reference);
      if (index < 10) continue;
      journal.failed(index - 10);
      journal.settled(index - 9);
      expect(journal.length).toBe(0);
    }
    // A last batch of a sample that came before them.
    expect(journal.delivered(3)).toBe(990);
    expect(journal.at(990)).toMatchObject({ position: 990, failures: 990, walk: { sample: 1000, offset: 1_000_000 } });
    expect(journal.at(990).buffer.items.length).toBe(10);
  });
});
