import { isObject, type Json, type JsonObject } from '../arm/json.ts';
import { evaluateDeep } from '../template/evaluate.ts';
import type { EvaluationScope } from '../template/scope.ts';
import { TemplateError } from '../template/template-error.ts';

/** How `reference()` is answered. */
export type ReferenceResolver = EvaluationScope['reference'];

/** What a deployment gives the expressions of its template. */
export interface DeploymentFacts {
  readonly subscriptionId: string;
  readonly tenantId: string;
  readonly resourceGroup: string | undefined;
  readonly deployment: () => JsonObject;
  readonly group: () => JsonObject;
}

/** The scope of a template's expressions: its parameters, its variables, and the deployment around it. */
export class TemplateScope implements EvaluationScope {
  readonly subscriptionId: string;
  readonly tenantId: string;
  readonly resourceGroup: string | undefined;
  readonly reference: ReferenceResolver;
  readonly #facts: DeploymentFacts;
  readonly #parameters: ReadonlyMap<string, Json>;
  readonly #variables: JsonObject;
  readonly #evaluating: readonly string[];

  private constructor(
    facts: DeploymentFacts,
    parameters: ReadonlyMap<string, Json>,
    variables: JsonObject,
    reference: ReferenceResolver,
    evaluating: readonly string[],
  ) {
    ({ subscriptionId: this.subscriptionId, tenantId: this.tenantId, resourceGroup: this.resourceGroup } = facts);
    this.reference = reference;
    this.#facts = facts;
    this.#parameters = parameters;
    this.#variables = variables;
    this.#evaluating = evaluating;
  }

  /** A scope in which `reference()` may not stand. */
  static of(facts: DeploymentFacts, parameters: ReadonlyMap<string, Json>, variables: JsonObject): TemplateScope {
    return new TemplateScope(facts, parameters, variables, forbiddenReference, []);
  }

  /** The same scope with another answer to `reference()`. */
  with(reference: ReferenceResolver): TemplateScope {
    return new TemplateScope(this.#facts, this.#parameters, this.#variables, reference, this.#evaluating);
  }

  parameter(name: string): Json {
    const value = this.#parameters.get(name.toLowerCase());
    if (value !== undefined) return value;
    throw new TemplateError(
      `The template parameter '${name}' is not found. Please see https://aka.ms/arm-syntax-parameters for usage details.`,
    );
  }

  variable(name: string): Json {
    const key = Object.keys(this.#variables).find((candidate) => candidate.toLowerCase() === name.toLowerCase());
    if (key === undefined) {
      throw new TemplateError(
        `The template variable '${name}' is not found. Please see https://aka.ms/arm-syntax-variables for usage details.`,
      );
    }
    if (this.#evaluating.includes(key)) {
      throw new TemplateError(`The template variable '${name}' refers to itself: '${[...this.#evaluating, key].join(' -> ')}'.`);
    }
    const inner = new TemplateScope(this.#facts, this.#parameters, this.#variables, forbiddenReference, [...this.#evaluating, key]);
    return evaluateDeep(this.#variables[key] ?? null, inner).value;
  }

  deployment(): JsonObject {
    return this.#facts.deployment();
  }

  group(): JsonObject {
    return this.#facts.group();
  }
}

/** The answer where `reference()` may not stand: in names, types, API versions, dependencies, conditions, parameters' defaults, variables. */
export const forbiddenReference: ReferenceResolver = () => {
  throw new TemplateError(
    "The template function 'reference' is not expected at this location. Please see https://aka.ms/arm-functions for usage details.",
  );
};

/** The member of an object that must be an object, or an empty one where it is absent. @throws {TemplateError} */
export function section(template: JsonObject, name: string): JsonObject {
  const value = template[name] ?? {};
  if (isObject(value)) return value;
  throw new TemplateError(`The template's '${name}' must be an object.`);
}
