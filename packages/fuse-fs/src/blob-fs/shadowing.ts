import type { BlobProperties } from '@warpforge/blob-backend';

/** One name of a listing; without a blob it is a directory. */
export interface ListedEntry {
  readonly name: string;
  readonly blob: BlobProperties | undefined;
}

/**
 * Lets a directory hide a blob of the same name, in a listing that arrives in pieces.
 *
 * Object stores list in the order of names, where the blob `a` comes before the prefix `a/`, but not next to it: `a-1` and `a.txt` lie
 * between, maybe pages of them. All that lies between begins with `a`, so a blob is held back until a name comes that doesn't begin
 * with its own. What is held at one time is a chain of names that each begin with the one before: a few, whatever the listing's size.
 */
export class Shadowing {
  readonly #held: ListedEntry[] = [];
  readonly #hidden: (blob: BlobProperties) => void;

  /** @param hidden told about each blob that a directory hides. */
  constructor(hidden: (blob: BlobProperties) => void) {
    this.#hidden = hidden;
  }

  /** Takes the next entry in the store's order. Returns those that are certain now. */
  add(entry: ListedEntry): ListedEntry[] {
    const certain: ListedEntry[] = [];
    for (let last = this.#held.at(-1); last !== undefined && !entry.name.startsWith(last.name); last = this.#held.at(-1)) {
      certain.push(last);
      this.#held.pop();
    }
    if (entry.blob !== undefined) {
      this.#held.push(entry);
      return certain;
    }
    const shadowed = this.#held.at(-1);
    if (shadowed?.blob !== undefined && shadowed.name === entry.name) {
      this.#held.pop();
      this.#hidden(shadowed.blob);
    }
    certain.push(entry);
    return certain;
  }

  /** The listing has ended. Returns the rest. */
  end(): ListedEntry[] {
    return this.#held.splice(0);
  }
}
