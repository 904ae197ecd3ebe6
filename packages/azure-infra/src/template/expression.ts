/**
 * An ARM template expression, without its brackets. Everything else in a template is literal.
 *
 * Syntax: https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions
 */
export class Expression {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A value of a resource before it is rendered: JSON, with expressions. */
export type TemplateValue = string | number | boolean | null | Expression | readonly TemplateValue[] | TemplateObject;

/** An object of a resource before it is rendered. */
export interface TemplateObject {
  readonly [name: string]: TemplateValue;
}

/** A string literal inside an expression. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The id of a resource of the same resource group. `name` has one part for each part of the type behind its provider. */
export function resourceIdExpression(type: string, name: string): Expression {
  return new Expression(`resourceId(${[type, ...name.split('/')].map(quote).join(', ')})`);
}

/** Whether a value is a list; `Array.isArray` does not tell for lists that are read-only. */
export function isTemplateList(value: TemplateValue): value is readonly TemplateValue[] {
  return Array.isArray(value);
}
