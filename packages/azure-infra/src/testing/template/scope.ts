import type { Json, JsonObject } from '../arm/json.ts';

/** What an expression is evaluated in: the values and the place that it can refer to. */
export interface EvaluationScope {
  readonly subscriptionId: string;
  readonly tenantId: string;
  /** Undefined where the deployment isn't one of a resource group. */
  readonly resourceGroup: string | undefined;
  /** @throws {TemplateError} when there is no such parameter, or parameters can't be used here. */
  parameter(name: string): Json;
  /** @throws {TemplateError} when there is no such variable. */
  variable(name: string): Json;
  /** What `deployment()` gives. */
  deployment(): JsonObject;
  /** What `resourceGroup()` gives: the group's id, name, location, tags, properties. */
  group(): JsonObject;
  /**
   * The state of a resource: its properties, or with `full` all of it.
   *
   * @param resource - its id, or the name of one in the same template.
   * @throws {UnresolvedReference} when it isn't known yet.
   * @throws {TemplateError} where `reference()` may not stand.
   */
  reference(resource: string, apiVersion: string | undefined, full: boolean): Json;
}
