import type { Json } from '../arm/json.ts';
import type { Arguments } from './arguments.ts';
import { COLLECTION_FUNCTIONS } from './collection-functions.ts';
import { LOGIC_FUNCTIONS } from './logic-functions.ts';
import { RESOURCE_FUNCTIONS } from './resource-functions.ts';
import type { EvaluationScope } from './scope.ts';
import { STRING_FUNCTIONS } from './string-functions.ts';

/** One function of the template language. */
export type TemplateFunction = (args: Arguments, scope: EvaluationScope) => Json;

const ALL: ReadonlyMap<string, TemplateFunction> = new Map(
  [STRING_FUNCTIONS, COLLECTION_FUNCTIONS, LOGIC_FUNCTIONS, RESOURCE_FUNCTIONS].flatMap((group) => Object.entries(group)),
);

/** The function of that name, whatever its letter case; `if`, whose arguments aren't all evaluated, is not among them. */
export function templateFunction(name: string): TemplateFunction | undefined {
  return ALL.get(name.toLowerCase());
}
