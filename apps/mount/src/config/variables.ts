import { isPair, isScalar, isSeq, visit, type Document, type Node } from 'yaml';
import { formatKey } from './errors.ts';

/** A place where `${…}` could not be replaced. */
export interface UnexpandedVariable {
  readonly node: Node;
  readonly key: string;
  readonly message: string;
}

/** Replaces `${VAR}` in all values, in place, and gives those that it could not. Keys stay as they are, and so does `$VAR`. */
export function expandVariables(document: Document.Parsed, env: Readonly<Record<string, string | undefined>>): UnexpandedVariable[] {
  const faults: UnexpandedVariable[] = [];
  visit(document, {
    Scalar(role, node, ancestors) {
      if (role === 'key') return;
      // Digits that YAML reads as another number than they show (022, 0o22) stay text, for keys that mean octal digits.
      if (typeof node.value === 'number' && /^0[0-7o]/.test(node.source ?? '')) node.value = node.source;
      if (typeof node.value !== 'string') return;
      const report = (message: string): void => {
        faults.push({ node, key: formatKey(keysOf(role, ancestors)), message });
      };
      node.value = node.value.replaceAll(/\$\{([^}]*)(\}?)/g, (whole, name: string, end: string) => {
        if (end === '' || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
          report(`"${whole}" is not \${NAME} of an environment variable`);
          return whole;
        }
        const value = env[name];
        if (value === undefined) report(`the environment variable ${name} is not set`);
        return value ?? whole;
      });
    },
  });
  return faults;
}

/** The path of keys and indexes to a visited scalar. */
function keysOf(role: unknown, ancestors: readonly unknown[]): PropertyKey[] {
  const keys: PropertyKey[] = [];
  for (const [depth, ancestor] of ancestors.entries()) {
    const child = ancestors[depth + 1];
    if (isPair(ancestor)) keys.push(isScalar(ancestor.key) ? String(ancestor.key.value) : '?');
    else if (isSeq(ancestor)) keys.push(child === undefined ? Number(role) : ancestor.items.indexOf(child));
  }
  return keys;
}
