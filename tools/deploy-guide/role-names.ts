import { inlineCode } from './markdown.ts';

/** Roles that the guide may name. Source: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles */
const ROLES: Readonly<Record<string, string>> = {
  Owner: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635',
  Contributor: 'b24988ac-6180-42a0-ab88-20f7382dd24c',
  'Role Based Access Control Administrator': 'f58310d9-a9f6-439a-9e8d-f62e7b41a168',
  'Storage Blob Data Reader': '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1',
  'Storage Blob Data Contributor': 'ba92f5b4-2d11-453d-a403-e96b0029c9fe',
};

/** Role assignments of a template: the GUIDs of the roles of machines and of the person who deploys. */
export interface AssignedRoles {
  readonly machine: ReadonlySet<string>;
  readonly person: ReadonlySet<string>;
}

/** Reads them out of a template, nested deployments included. */
export function assignedRoles(template: unknown): AssignedRoles {
  const roles = { machine: new Set<string>(), person: new Set<string>() };
  visit(template, (object) => {
    const { principalType, roleDefinitionId } = object;
    if (typeof roleDefinitionId !== 'string') return;
    const guid = roleDefinitionId.split('/').at(-1) ?? '';
    (principalType === 'User' ? roles.person : roles.machine).add(guid);
  });
  return roles;
}

function visit(value: unknown, see: (object: Readonly<Record<string, unknown>>) => void): void {
  if (typeof value !== 'object' || value === null) return;
  see(Object.fromEntries(Object.entries(value)));
  for (const inner of Object.values(value)) visit(inner, see);
}

/** What is wrong with the roles that a document names, each with its line: such that Azure has not, and such that the template assigns to nobody or to another. */
export function roleFaults(markdown: string, { machine, person }: AssignedRoles): string[] {
  const faults: string[] = [];
  for (const { line, text } of inlineCode(markdown)) {
    if (/^([A-Z][a-z]+ )*(Owner|Contributor|Reader|Administrator)$/.test(text) && ROLES[text] === undefined) {
      faults.push(`${line}: there is no role ${text}`);
    }
  }
  for (const [index, text] of markdown.split('\n').entries()) {
    // The words of a name, however many are wrong.
    for (const [name] of text.matchAll(/Storage (?:\w+ )?Data [A-Z]\w+/g)) {
      const guid = ROLES[name] ?? '';
      if (!machine.has(guid) && !person.has(guid)) faults.push(`${index + 1}: the template assigns no role ${name}`);
      if (/^\| role of the VM\b/.test(text) && !machine.has(guid)) faults.push(`${index + 1}: the VM does not get the role ${name}`);
      if (/^\| role of yours\b/.test(text) && !person.has(guid)) faults.push(`${index + 1}: whoever deploys does not get the role ${name}`);
    }
  }
  return faults;
}
