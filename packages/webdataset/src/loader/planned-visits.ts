import type { Visit, VisitPlan } from '../order/visits.ts';
import type { WalkState } from './state.ts';

/** A visit and where in its shard to begin. */
export interface PlannedVisit {
  readonly round: number;
  /** Number of the visit within the round. */
  readonly number: number;
  readonly visit: Visit;
  /** The first sample that is wanted; the visit's own first one, or a later one. */
  readonly sample: number;
  /** Byte of the shard where that sample starts; undefined where it is not known. */
  readonly offset: number | undefined;
}

/** The visits of a round, from where the walk stands. */
export class PlannedVisits implements Iterable<PlannedVisit> {
  readonly #plan: VisitPlan;
  readonly #walk: WalkState;
  /** Visits of the round, those before the walk included; known once all were taken. */
  count = 0;

  constructor(plan: VisitPlan, walk: WalkState) {
    this.#plan = plan;
    this.#walk = walk;
  }

  *[Symbol.iterator](): Generator<PlannedVisit, void, undefined> {
    const { round, visit: current, sample, offset } = this.#walk;
    for (const visit of this.#plan.visits(round)) {
      const number = this.count++;
      if (number < current) continue;
      const isBegun = number === current && sample !== null;
      const first = isBegun ? sample : visit.first;
      if (first >= visit.end) continue;
      yield { round, number, visit, sample: first, offset: isBegun ? (offset ?? undefined) : undefined };
    }
  }
}
