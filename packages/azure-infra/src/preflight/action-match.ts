import type { ActionGrant } from '../arm/resource-manager.ts';

/**
 * Whether a pattern of a role definition covers an action: `*` stands for any characters, slashes included, and case does not count.
 *
 * https://learn.microsoft.com/azure/role-based-access-control/role-definitions#actions-format
 */
export function matchesAction(pattern: string, action: string): boolean {
  const [head = '', ...rest] = pattern.toLowerCase().split('*');
  const text = action.toLowerCase();
  const tail = rest.pop();
  if (tail === undefined) return text === head;
  if (!text.startsWith(head)) return false;
  // The parts between wildcards, each at the first place where it fits: a later one could only leave less room.
  let position = head.length;
  for (const part of rest) {
    const found = text.indexOf(part, position);
    if (found < 0) return false;
    position = found + part.length;
  }
  return text.length - tail.length >= position && text.endsWith(tail);
}

/** Whether any of the grants allows an action: what one role excludes another may still give. */
export function isGranted(grants: readonly ActionGrant[], action: string): boolean {
  return grants.some(
    ({ actions, notActions }) =>
      actions.some((pattern) => matchesAction(pattern, action)) && !notActions.some((pattern) => matchesAction(pattern, action)),
  );
}
