import { ArmError } from '../arm/arm-error.ts';
import { isObject, type Json, type JsonObject } from '../arm/json.ts';
import type { GuidSource } from '../arm/guid-source.ts';
import type { VirtualClock } from '../arm/virtual-clock.ts';
import { evaluateDeep, evaluateObject } from '../template/evaluate.ts';
import { TemplateError } from '../template/template-error.ts';
import { Deployment, demandInactive, type DeploymentOperation } from './deployment.ts';
import { isNested, loadTemplate, nestedSource } from './load-template.ts';
import { writeAction, type TemplateServices } from './preflight.ts';
import { runningReference, type ReferenceSources } from './resolve-reference.ts';
import type { TemplateResource } from './template-resource.ts';
import type { ReferenceResolver, TemplateScope } from './template-scope.ts';

/** What a running deployment needs of the service. */
export interface DeploymentServices extends TemplateServices {
  readonly clock: VirtualClock;
  readonly guids: GuidSource;
  readonly references: ReferenceSources;
  /** Keeps a nested deployment. */
  readonly keep: (deployment: Deployment) => void;
}

/** Between the request and the first resource, also of nested deployments. */
const START_SECONDS = 2;

/**
 * Deploys the resources of a template: each as soon as those that it depends on are finished, and not before; what doesn't depend on each
 * other at the same time. When one fails, those that depend on it aren't begun, and the others go on to their end.
 */
export class DeploymentRun {
  readonly #deployment: Deployment;
  readonly #services: DeploymentServices;
  readonly #finished: (deployment: Deployment) => void;
  readonly #reference: ReferenceResolver;
  readonly #waiting: Map<string, TemplateResource>;
  readonly #running = new Set<string>();
  readonly #failed = new Set<string>();
  readonly #nested: DeploymentRun[] = [];

  /** @param finished - called once, when the deployment is in a final state. */
  constructor(deployment: Deployment, services: DeploymentServices, finished: (deployment: Deployment) => void) {
    this.#deployment = deployment;
    this.#services = services;
    this.#finished = finished;
    this.#reference = runningReference(deployment.loaded, services.references);
    this.#waiting = new Map(deployment.loaded.resources.map((resource) => [resource.id.key, resource]));
  }

  start(): void {
    this.#services.clock.after(START_SECONDS, () => {
      if (this.#deployment.state !== 'Accepted') return;
      this.#enter('Running');
      this.#advance();
    });
  }

  /** Begins nothing more, in nested deployments neither; what has begun goes on to its end. */
  cancel(): void {
    if (!this.#deployment.active) return;
    this.#waiting.clear();
    this.#enter('Canceled');
    this.#deployment.error = new ArmError(409, 'DeploymentCanceled', 'The deployment was canceled.');
    this.#finished(this.#deployment);
    for (const nested of this.#nested) nested.cancel();
  }

  #advance(): void {
    if (!this.#deployment.active) return;
    const ready = [...this.#waiting.values()].filter((resource) => this.#isReady(resource));
    // All count as running before the first begins, which may be finished at once.
    for (const { id } of ready) {
      this.#waiting.delete(id.key);
      this.#running.add(id.key);
    }
    for (const resource of ready) this.#begin(resource);
    if (this.#running.size > 0 || [...this.#waiting.values()].some((resource) => this.#isReady(resource))) return;
    if (this.#failed.size === 0 && this.#waiting.size === 0) this.#succeed();
    else this.#fail();
  }

  #isReady({ id }: TemplateResource): boolean {
    const before = [...(this.#deployment.loaded.graph.get(id.key) ?? [])];
    return before.every((key) => !this.#waiting.has(key) && !this.#running.has(key) && !this.#failed.has(key));
  }

  #begin(resource: TemplateResource): void {
    const { clock, guids } = this.#services;
    const operation: DeploymentOperation = {
      operationId: guids.next('operation').replaceAll('-', '').slice(0, 16).toUpperCase(),
      target: resource.id,
      startedAt: clock.now(),
      state: 'Running',
      finishedAt: undefined,
      created: false,
      error: undefined,
    };
    this.#deployment.operations.push(operation);
    const settled = (error: ArmError | undefined): void => this.#end(resource, operation, error);
    try {
      if (isNested(resource)) this.#beginNested(resource, operation, settled);
      else this.#beginResource(resource, operation, settled);
    } catch (error) {
      if (error instanceof ArmError) settled(error);
      else if (error instanceof TemplateError) settled(invalidTemplate(error));
      else throw error;
    }
  }

  #beginResource(resource: TemplateResource, operation: DeploymentOperation, settled: (error: ArmError | undefined) => void): void {
    const { types, store, resources, access } = this.#services;
    const { value: body } = evaluateObject(resource.body, resource.scope.with(this.#reference));
    const type = types.withVersion(resource.id.type, resource.apiVersion, undefined);
    const { caller } = this.#deployment;
    access.demand(caller, resource.id.id, writeAction(type.type));
    const seconds = store.get(resource.id.id) === undefined ? type.put.createSeconds : type.put.updateSeconds;
    operation.created = store.get(resource.id.id) === undefined;
    const desired = { id: resource.id, body, current: store.get(resource.id.id), caller };
    access.demandLinked(caller, resource.id.id, writeAction(type.type), resources.linked(type, desired));
    resources.put(type, desired, (error) => settled(error === undefined || seconds === 0 ? error : terminalFailure(error)));
  }

  #beginNested(resource: TemplateResource, operation: DeploymentOperation, settled: (error: ArmError | undefined) => void): void {
    const { host, clock, access, keep } = this.#services;
    const { caller } = this.#deployment;
    access.demand(caller, resource.id.id, writeAction(resource.id.type));
    demandInactive(this.#services.references.deployment(resource.id.id));
    const { source } = nestedSource(resource, this.#reference);
    const nested = new Deployment(loadTemplate(source, host), caller, this.#deployment.correlationId, {}, clock.now());
    operation.created = true;
    keep(nested);
    const run = new DeploymentRun(nested, this.#services, ({ state, error }) => settled(state === 'Succeeded' ? undefined : error));
    this.#nested.push(run);
    run.start();
  }

  #end({ id }: TemplateResource, operation: DeploymentOperation, error: ArmError | undefined): void {
    operation.state = error === undefined ? 'Succeeded' : 'Failed';
    operation.finishedAt = this.#services.clock.now();
    operation.error = error;
    this.#running.delete(id.key);
    if (error === undefined) this.#deployment.outputResources.push(id.id);
    else this.#failed.add(id.key);
    this.#advance();
  }

  #succeed(): void {
    try {
      this.#deployment.outputs = evaluateOutputs(this.#deployment.loaded.outputs, this.#deployment.loaded.scope.with(this.#reference));
    } catch (error) {
      if (!(error instanceof TemplateError) && !(error instanceof ArmError)) throw error;
      this.#deployment.error = new ArmError(
        400,
        'DeploymentFailed',
        'At least one resource deployment operation failed. Please list deployment operations for details.',
        { details: [new ArmError(400, 'DeploymentOutputEvaluationFailed', `Unable to evaluate template outputs: ${error.message}`)] },
      );
      this.#enter('Failed');
      this.#finished(this.#deployment);
      return;
    }
    this.#deployment.operations.push({
      operationId: '08000000000000000000',
      target: undefined,
      startedAt: this.#services.clock.now(),
      finishedAt: this.#services.clock.now(),
      state: 'Succeeded',
      created: false,
      error: undefined,
    });
    this.#enter('Succeeded');
    this.#finished(this.#deployment);
  }

  #fail(): void {
    this.#deployment.error = new ArmError(
      409,
      'DeploymentFailed',
      'At least one resource deployment operation failed. Please list deployment operations for details. Please see https://aka.ms/arm-deployment-operations for usage details.',
      { target: this.#deployment.id, details: this.#deployment.operations.flatMap(({ error }) => error ?? []) },
    );
    this.#enter('Failed');
    this.#finished(this.#deployment);
  }

  #enter(state: Deployment['state']): void {
    this.#deployment.state = state;
    this.#deployment.changedAt = this.#services.clock.now();
  }
}

/** A template that can't be deployed, as the service answers. */
export function invalidTemplate(error: TemplateError): ArmError {
  return new ArmError(400, 'InvalidTemplate', `Deployment template validation failed: '${error.message}'.`, { cause: error });
}

function terminalFailure(error: ArmError): ArmError {
  return new ArmError(
    error.status,
    'ResourceDeploymentFailure',
    "The resource write operation failed to complete successfully, because it reached terminal provisioning state 'Failed'.",
    { details: [error] },
  );
}

function evaluateOutputs(outputs: JsonObject, scope: TemplateScope): JsonObject {
  const evaluated = Object.entries(outputs).map(([name, output]): [string, Json] | undefined => {
    if (!isObject(output) || typeof output['type'] !== 'string') throw new TemplateError(`The output '${name}' has no type.`);
    const condition = output['condition'] === undefined ? true : evaluateDeep(output['condition'], scope).value;
    if (condition === false) return undefined;
    const { value } = evaluateDeep(output['value'] ?? null, scope);
    const { type } = output;
    return [name, type.toLowerCase().startsWith('secure') ? { type } : { type, value }];
  });
  return Object.fromEntries(evaluated.filter((entry) => entry !== undefined));
}
