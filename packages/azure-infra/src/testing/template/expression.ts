/**
 * An expression of the template language: what stands between the square brackets of a string. Source of the syntax:
 * https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions.
 */
export type Expression =
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'integer'; readonly value: number }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: 'property'; readonly target: Expression; readonly name: string }
  | { readonly kind: 'index'; readonly target: Expression; readonly index: Expression };

/** The expression as text, without the square brackets around it. */
export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'string':
      return `'${expression.value.replaceAll("'", "''")}'`;
    case 'integer':
      return String(expression.value);
    case 'call':
      return `${expression.name}(${expression.args.map(printExpression).join(', ')})`;
    case 'property':
      return `${printExpression(expression.target)}.${expression.name}`;
    case 'index':
      return `${printExpression(expression.target)}[${printExpression(expression.index)}]`;
  }
}

/** Whether a function of one of these names (lower case) is called anywhere in the expression. */
export function calls(expression: Expression, names: readonly string[]): boolean {
  switch (expression.kind) {
    case 'string':
    case 'integer':
      return false;
    case 'call':
      return names.includes(expression.name.toLowerCase()) || expression.args.some((arg) => calls(arg, names));
    case 'property':
      return calls(expression.target, names);
    case 'index':
      return calls(expression.target, names) || calls(expression.index, names);
  }
}
