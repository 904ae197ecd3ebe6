import { styleText } from 'node:util';
import type { Action, Plan, PlannedChange, PropertyDifference } from '@warpforge/azure-infra';

/** How each action is marked; the marks are those of Terraform, which most readers know. */
const MARKS = { create: '+', change: '~', replace: '-/+', delete: '-', 'no change': ' ' } as const satisfies Record<Action, string>;
const COLOURS = { create: 'green', change: 'yellow', replace: 'magenta', delete: 'red', 'no change': 'dim' } as const satisfies Record<
  Action,
  string
>;
const PAST = { create: 'to create', change: 'to change', replace: 'to replace', delete: 'to delete', 'no change': 'unchanged' } as const;
const ACTIONS = ['create', 'change', 'replace', 'delete', 'no change'] as const satisfies readonly Action[];

/** A value longer than this is cut, with its length: keys and user data fill screens. */
const LONGEST_VALUE = 72;

/** How many resources each action has. */
export function countActions({ changes }: Pick<Plan, 'changes'>): Record<Action, number> {
  const counts = { create: 0, change: 0, replace: 0, delete: 0, 'no change': 0 };
  for (const { action } of changes) counts[action] += 1;
  return counts;
}

/** The plan for people: a line for each resource, and one for each property that would be another. */
export function planText(plan: Pick<Plan, 'changes'>): string {
  const { changes } = plan;
  const rows = changes.map((change) => [
    MARKS[change.action],
    change.action,
    shortType(change.type),
    change.location ?? '',
    plainName(change.name),
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const lines = changes.flatMap((change, index) => {
    const cells = (rows[index] ?? []).map((cell, column) =>
      column === 0 ? cell.padStart(widths[0] ?? 0) : cell.padEnd(widths[column] ?? 0),
    );
    const note = change.note === undefined ? '' : `  (${change.note})`;
    return [paint(change, `  ${cells.join('  ').trimEnd()}${note}`), ...change.differences.map(differenceText)];
  });
  const counts = countActions(plan);
  const summary = ACTIONS.map((action) => `${counts[action]} ${PAST[action]}`).join(', ');
  return `${lines.join('\n')}\n\n${summary}\n`;
}

/** A container stands in a service of its account that has only one name. */
export function plainName(name: string): string {
  return name.replace('/default/', '/');
}

/** `Microsoft.Storage/storageAccounts/blobServices/containers` as `Storage/containers`. */
export function shortType(type: string): string {
  const [provider = '', ...names] = type.split('/');
  return `${provider.replace('Microsoft.', '')}/${names.at(-1) ?? ''}`;
}

/** What a right is for: `account/container` of the id of a container, and likewise of a queue. */
export function scopeText(scope: string): string {
  const [, account, container] =
    /\/storageAccounts\/([^/]+)\/(?:blobServices\/default\/containers|queueServices\/default\/queues)\/([^/]+)/i.exec(scope) ?? [];
  return account === undefined || container === undefined ? (scope.split('/').at(-1) ?? scope) : `${account}/${container}`;
}

/** A resource in a line of its own. A right has a GUID for a name, which says nothing: where it is says more. */
export function resourceText({ id, type, name }: { readonly id: string; readonly type: string; readonly name: string }): string {
  const isRight = type.toLowerCase() === 'microsoft.authorization/roleassignments';
  return `${shortType(type)} ${isRight ? `on ${scopeText(id)}` : plainName(name)}`;
}

function paint({ action }: PlannedChange, text: string): string {
  return styleText(COLOURS[action], text, { stream: process.stdout });
}

function differenceText({ path, before, after }: PropertyDifference): string {
  return `          ${path}: ${valueText(before)} -> ${valueText(after)}`;
}

function valueText(value: unknown): string {
  if (value === undefined || value === null) return '(none)';
  const text = JSON.stringify(value);
  return text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE)}… (${text.length} characters)`;
}
