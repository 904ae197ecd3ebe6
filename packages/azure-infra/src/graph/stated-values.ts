import type { TemplateObject } from '../template/expression.ts';
import type { Resource } from './resource.ts';

/** All that a template says of a resource besides what it is called and what it waits for. */
export function statedValues({ location, tags, sku, kind, identity, properties }: Resource): TemplateObject {
  return {
    ...(location === undefined ? {} : { location }),
    ...(tags === undefined ? {} : { tags }),
    ...(sku === undefined ? {} : { sku }),
    ...(kind === undefined ? {} : { kind }),
    ...(identity === undefined ? {} : { identity }),
    properties,
  };
}
