import { createHash } from 'node:crypto';

/** Identifiers that the service makes up (principals, VM ids, operations): the same in every run, different from each other. */
export class GuidSource {
  #made = 0;

  next(purpose: string): string {
    const hex = createHash('sha256').update(`${purpose} ${this.#made++}`).digest('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  }
}
