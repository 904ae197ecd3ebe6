/** Which bytes of a file have been read, and how many reads there were for them. */
export class CoveredBytes {
  /** Bytes given out, each as often as it was. */
  served = 0;
  /** Disjoint, sorted, and not adjacent: start and end in turns. */
  #edges: number[] = [];

  add(start: number, end: number): void {
    if (end <= start) return;
    this.served += end - start;
    const edges = this.#edges;
    // Most reads go on where the last one ended.
    const last = edges.length - 1;
    if (last < 0 || start > (edges[last] ?? 0)) {
      edges.push(start, end);
      return;
    }
    if (start === edges[last]) {
      edges[last] = end;
      return;
    }
    const merged: number[] = [];
    let from = start;
    let to = end;
    for (let at = 0; at < edges.length; at += 2) {
      const left = edges[at] ?? 0;
      const right = edges[at + 1] ?? 0;
      if (right < from || left > to) merged.push(left, right);
      else [from, to] = [Math.min(from, left), Math.max(to, right)];
    }
    merged.push(from, to);
    this.#edges = sortPairs(merged);
  }

  /** How many different bytes were read. */
  get distinct(): number {
    let sum = 0;
    for (let at = 0; at < this.#edges.length; at += 2) sum += (this.#edges[at + 1] ?? 0) - (this.#edges[at] ?? 0);
    return sum;
  }
}

function sortPairs(edges: readonly number[]): number[] {
  const pairs: [number, number][] = [];
  for (let at = 0; at < edges.length; at += 2) pairs.push([edges[at] ?? 0, edges[at + 1] ?? 0]);
  return pairs.sort(([a], [b]) => a - b).flat();
}
