import type { VirtualClock } from './virtual-clock.ts';

/** A user, group, application or managed identity. */
export interface DirectoryPrincipal {
  readonly objectId: string;
  readonly type: 'User' | 'Group' | 'ServicePrincipal';
  readonly name: string;
}

/** The principals of the tenant. A new one is found by look-ups only after a while, as in the real, replicated directory. */
export class Directory {
  readonly #clock: VirtualClock;
  readonly #replicationSeconds: number;
  readonly #principals = new Map<string, { readonly principal: DirectoryPrincipal; readonly from: number }>();

  constructor(clock: VirtualClock, replicationSeconds: number) {
    this.#clock = clock;
    this.#replicationSeconds = replicationSeconds;
  }

  /** @param known - whether look-ups find it at once. */
  add(principal: DirectoryPrincipal, known: boolean): void {
    const from = known ? this.#clock.now() : this.#clock.now() + this.#replicationSeconds * 1000;
    this.#principals.set(principal.objectId.toLowerCase(), { principal, from });
  }

  remove(objectId: string): void {
    this.#principals.delete(objectId.toLowerCase());
  }

  /** The principal as a look-up finds it: undefined while it is too new. */
  lookUp(objectId: string): DirectoryPrincipal | undefined {
    const entry = this.#principals.get(objectId.toLowerCase());
    return entry !== undefined && entry.from <= this.#clock.now() ? entry.principal : undefined;
  }
}
