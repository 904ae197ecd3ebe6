import type { Expression } from './expression.ts';
import { TemplateError } from './template-error.ts';
import { tokenize, type Token } from './tokenizer.ts';

/** Far more than a person writes, and far less than the stack holds. */
const MAX_DEPTH = 200;

/** Whether a string of a template is an expression: in square brackets, the first of which is not doubled. */
export function isExpression(text: string): boolean {
  return text.startsWith('[') && text.endsWith(']') && !text.startsWith('[[');
}

/**
 * The expression that a string of a template consists of, square brackets included.
 *
 * @throws {TemplateError} when it is not one.
 */
export function parseExpression(text: string): Expression {
  return new Parser(text).parse();
}

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #position = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokenize(text.slice(1, -1));
  }

  parse(): Expression {
    const expression = this.#expression(0);
    this.#expect('end');
    return expression;
  }

  #expression(depth: number): Expression {
    if (depth > MAX_DEPTH) throw this.#error('it is nested too deeply');
    let expression = this.#primary(depth);
    // Each step wraps the expression once more, and whoever walks the tree goes as deep.
    for (let steps = depth; ; steps++) {
      if (steps > MAX_DEPTH) throw this.#error('it is nested too deeply');
      if (this.#accept('.')) {
        const name = this.#peek();
        if (name.kind !== 'identifier') throw this.#unexpected(name);
        this.#position++;
        expression = { kind: 'property', target: expression, name: name.text };
      } else if (this.#accept('[')) {
        const index = this.#expression(steps + 1);
        this.#expect(']');
        expression = { kind: 'index', target: expression, index };
      } else {
        return expression;
      }
    }
  }

  #primary(depth: number): Expression {
    const token = this.#peek();
    this.#position++;
    if (token.kind === 'string') return { kind: 'string', value: token.text };
    if (token.kind === 'integer') return { kind: 'integer', value: token.value };
    if (token.kind !== 'identifier') throw this.#unexpected(token);
    this.#expect('(');
    const args: Expression[] = [];
    if (this.#accept(')')) return { kind: 'call', name: token.text, args };
    do args.push(this.#expression(depth + 1));
    while (this.#accept(','));
    this.#expect(')');
    return { kind: 'call', name: token.text, args };
  }

  #peek(): Token {
    return this.#tokens[this.#position] ?? { kind: 'end', at: this.#text.length };
  }

  #accept(kind: Token['kind']): boolean {
    const accepted = this.#peek().kind === kind;
    if (accepted) this.#position++;
    return accepted;
  }

  #expect(kind: Token['kind']): void {
    const token = this.#peek();
    if (token.kind !== kind) throw this.#unexpected(token, kind);
    this.#position++;
  }

  #unexpected(token: Token, wanted?: string): TemplateError {
    const found = token.kind === 'end' ? 'its end' : `the token at position '${token.at}'`;
    return this.#error(`${found} is not expected${wanted === undefined ? '' : `, but '${wanted === 'end' ? 'its end' : wanted}'`}`);
  }

  #error(reason: string): TemplateError {
    return new TemplateError(
      `The language expression '${this.#text}' is not valid: ${reason}. Please see https://aka.ms/arm-syntax for usage details.`,
    );
  }
}
