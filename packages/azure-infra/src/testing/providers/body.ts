import { ArmError } from '../arm/arm-error.ts';
import { at, type Json, type JsonObject } from '../arm/json.ts';

/** The string at a path of a body. @throws {ArmError} when it is missing. */
export function text(body: Json | undefined, path: string): string {
  const value = at(body, path);
  if (typeof value === 'string' && value !== '') return value;
  throw new ArmError(400, 'InvalidParameter', `Required parameter '${path}' is missing (null).`, { target: path });
}

/** @throws {ArmError} when there is a value at the path that isn't one of those allowed; letter case does not count. */
export function oneOf(body: JsonObject, path: string, allowed: readonly (string | boolean)[]): void {
  const value = at(body, path);
  const same = (other: string | boolean): boolean =>
    typeof other === 'string' && typeof value === 'string' ? other.toLowerCase() === value.toLowerCase() : other === value;
  if (value === undefined || value === null || allowed.some(same)) return;
  throw new ArmError(
    400,
    'InvalidParameter',
    `The value '${JSON.stringify(value)}' of parameter '${path}' is invalid. Allowed values are: ${allowed.join(', ')}.`,
    { target: path },
  );
}
