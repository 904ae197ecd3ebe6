import type { ContainerTarget } from './container-target.ts';

/** Things by the container that they belong to. Targets that say the same are one. */
export function byTarget<T extends { readonly target: ContainerTarget }>(items: readonly T[]): Map<ContainerTarget, T[]> {
  const first = new Map<string, ContainerTarget>();
  const groups = new Map<ContainerTarget, T[]>();
  for (const item of items) {
    const key = `${item.target.endpoint}/${item.target.container}`;
    const target = first.get(key) ?? item.target;
    first.set(key, target);
    groups.set(target, [...(groups.get(target) ?? []), item]);
  }
  return groups;
}

/** The longest text that all names begin with. */
export function commonPrefix(names: readonly string[]): string {
  const [first = '', ...others] = names;
  let length = first.length;
  for (const name of others) while (!name.startsWith(first.slice(0, length))) length -= 1;
  return first.slice(0, length);
}
