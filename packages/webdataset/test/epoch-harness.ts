/** Runs an epoch of a loader without the loader, to see and hold what happens in it. */
import { image, integer } from '../src/decode/decoders.ts';
import { type DeliveredBatch, Epoch } from '../src/loader/epoch.ts';
import { ShardUses } from '../src/loader/shard-use.ts';
import { SlotLayout } from '../src/loader/slot-layout.ts';
import type { SlotPool } from '../src/loader/slot-pool.ts';
import { StageMeters } from '../src/loader/stage-meters.ts';
import type { Clock } from '../src/loader/stopwatch.ts';
import { ShuffledOrder } from '../src/order/shuffled-order.ts';
import { planVisits } from '../src/order/visits.ts';
import { MIN_WINDOW_BYTES } from '../src/tar/scanner.ts';
import type { Crew } from '../src/workers/crew.ts';
import type { WorkerSetup } from '../src/workers/protocol.ts';

const decoders = { image: image({ height: 8, width: 8, from: ['jpg'] }), label: integer({ from: ['cls'] }) };
const batchSize = 4;
export const SLOTS = 3;
export const layout = new SlotLayout(decoders, batchSize);

/** Memory for batches of four samples in three slots. */
export function setupOf(windowCount: number): WorkerSetup {
  const { slotBytes, fields, regions, valueFields } = layout;
  return {
    windows: new SharedArrayBuffer(windowCount * MIN_WINDOW_BYTES),
    windowBytes: MIN_WINDOW_BYTES,
    slots: new SharedArrayBuffer(SLOTS * slotBytes),
    stop: new SharedArrayBuffer(4),
    ...{ slotBytes, decoders, fields, regions, valueFields, seed: 5, splitName: undefined },
  };
}

export function metersOf(shards: readonly string[], now: Clock = () => 0): StageMeters {
  return new StageMeters(now, { windows: 4, slots: SLOTS }, [shards.length]);
}

/** The batches of epoch 2. */
export function epochOf({
  shards,
  crew,
  slots,
  setup,
  meters,
  shuffleBuffer,
}: {
  shards: readonly string[];
  crew: Crew;
  slots: SlotPool;
  setup: WorkerSetup;
  meters: StageMeters;
  shuffleBuffer: number;
}): AsyncGenerator<DeliveredBatch, void, undefined> {
  const windowCount = setup.windows.byteLength / MIN_WINDOW_BYTES;
  const key = { seed: 5, epoch: 2, rank: 0 };
  const memory = { bytes: new Uint8Array(setup.slots), slotBytes: setup.slotBytes, regions: setup.regions };
  const visits = planVisits({ ...key, shuffle: true, groups: [shards.length], worldSize: 1, remainder: 'pad', resample: false });
  const epoch = new Epoch(
    { crew, slots, memory, windowCount, meters, seek: () => Promise.resolve(undefined) },
    { epoch: 2, visits, batchSize, fields: layout.fields.length, lastBatch: 'keep', onError: 'raise' },
    {
      ...{ position: 0, delivered: 0, failures: 0, isResumed: false, walk: { round: 0, visit: 0, sample: null, offset: null } },
      order: new ShuffledOrder(shuffleBuffer, key),
      uses: new ShardUses(shards, crew, 2, 0),
    },
  );
  return epoch.batches(new AbortController().signal);
}
