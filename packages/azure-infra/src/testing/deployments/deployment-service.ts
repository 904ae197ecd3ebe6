import { ArmError } from '../arm/arm-error.ts';
import type { LongRunningOperation } from '../arm/long-running-operations.ts';
import { at, isObject, objectAt, stringAt, type JsonObject } from '../arm/json.ts';
import { formatResourceId, parseResourceId } from '../arm/resource-id.ts';
import { groupNotFound, normalLocation } from '../arm/resource-service.ts';
import { TemplateError } from '../template/template-error.ts';
import { DeploymentRun, invalidTemplate, type DeploymentServices } from './deployment-run.ts';
import { Deployment, demandInactive } from './deployment.ts';
import { demandIncremental, loadTemplate, type LoadedTemplate } from './load-template.ts';
import { preflight, type TemplateServices } from './preflight.ts';
import { containerOf, DEPLOYMENT_TYPE, type DeploymentTarget } from './template-resource.ts';
import { whatIf } from './what-if.ts';

/** Everything that can be asked of deployments, at the scope of a subscription or of a group. */
export class DeploymentService {
  readonly #services: DeploymentServices;
  readonly #deployments = new Map<string, Deployment>();
  readonly #runs = new Map<string, DeploymentRun>();

  constructor(services: TemplateServices & Pick<DeploymentServices, 'clock' | 'guids'>) {
    const deployment = (id: string): Deployment | undefined => this.#deployments.get(id.toLowerCase());
    this.#services = {
      ...services,
      references: { store: services.store, resources: services.resources, deployment },
      keep: (nested) => this.#deployments.set(nested.id.toLowerCase(), nested),
    };
  }

  /** @throws {ArmError} `DeploymentNotFound`. */
  get(target: DeploymentTarget, name: string): Deployment {
    const found = this.#deployments.get(deploymentId(target, name).toLowerCase());
    if (found !== undefined) return found;
    throw new ArmError(404, 'DeploymentNotFound', `Deployment '${name}' could not be found.`);
  }

  find(target: DeploymentTarget, name: string): Deployment | undefined {
    return this.#deployments.get(deploymentId(target, name).toLowerCase());
  }

  /** Deployments of one scope, not of those inside it. */
  list(target: DeploymentTarget): readonly Deployment[] {
    return [...this.#deployments.values()].filter(
      ({ id }) => parseResourceId(id)?.scope.toLowerCase() === containerOf(target).toLowerCase(),
    );
  }

  /** Begins a deployment; `operation` is finished when it is. @throws {ArmError} when it is refused. */
  start(target: DeploymentTarget, name: string, body: JsonObject, caller: string, operation: LongRunningOperation): Deployment {
    demandInactive(this.find(target, name));
    const loaded = this.#load(target, name, body);
    inTemplate(() => preflight(loaded, caller, this.#services));
    const { clock, guids } = this.#services;
    const deployment = new Deployment(loaded, caller, guids.next('correlation'), objectAt(body, 'tags'), clock.now());
    this.#deployments.set(deployment.id.toLowerCase(), deployment);
    const run = new DeploymentRun(deployment, this.#services, ({ error }) => operation.finish(error));
    this.#runs.set(deployment.id.toLowerCase(), run);
    run.start();
    return deployment;
  }

  /** Looks for what would fail. @throws {ArmError} with what was found. */
  validate(target: DeploymentTarget, name: string, body: JsonObject, caller: string): JsonObject {
    const loaded = this.#load(target, name, body);
    const { resources } = inTemplate(() => preflight(loaded, caller, this.#services));
    const { clock, guids } = this.#services;
    const shown = new Deployment(loaded, caller, guids.next('correlation'), {}, clock.now()).toJson();
    return {
      ...shown,
      properties: {
        ...objectAt(shown, 'properties'),
        provisioningState: 'Succeeded',
        validatedResources: resources.map(({ resource }) => ({ id: resource.id.id })),
      },
    };
  }

  /** What would change. @throws {ArmError} when the template is wrong. */
  whatIf(target: DeploymentTarget, name: string, body: JsonObject): JsonObject {
    const loaded = this.#load(target, name, body);
    const full = stringAt(body, 'properties.whatIfSettings.resultFormat') !== 'ResourceIdOnly';
    return inTemplate(() => whatIf(loaded, full, this.#services));
  }

  /** @throws {ArmError} when it is over already. */
  cancel(target: DeploymentTarget, name: string): void {
    const deployment = this.get(target, name);
    if (!deployment.active) {
      throw new ArmError(
        409,
        'DeploymentCannotBeCancelled',
        `The deployment '${name}' cannot be cancelled because it is in a terminal state '${deployment.state}'.`,
      );
    }
    this.#runs.get(deployment.id.toLowerCase())?.cancel();
  }

  /** Forgets a deployment, not what it deployed. @throws {ArmError} while it is running. */
  delete(target: DeploymentTarget, name: string): boolean {
    const deployment = this.find(target, name);
    if (deployment?.active === true)
      throw new ArmError(409, 'DeploymentActive', `The deployment '${name}' is still active and can't be deleted.`);
    return this.#deployments.delete(deploymentId(target, name).toLowerCase());
  }

  /** Forgets the deployments of a group that is gone. */
  forget(group: DeploymentTarget): void {
    for (const { id } of this.list(group)) this.#deployments.delete(id.toLowerCase());
  }

  #load(target: DeploymentTarget, name: string, body: JsonObject): LoadedTemplate {
    if (!/^[-\w._()]{1,64}$/.test(name)) {
      throw new ArmError(
        400,
        'InvalidDeploymentName',
        `The provided deployment name '${name}' has to be 1 to 64 letters, digits, '-', '_', '.', '(' and ')'.`,
      );
    }
    if (target.resourceGroup !== undefined && this.#services.store.get(containerOf(target)) === undefined)
      throw groupNotFound(target.resourceGroup);
    const location = this.#location(target, name, body);
    const template = at(body, 'properties.template');
    if (!isObject(template)) {
      throw new ArmError(
        400,
        'InvalidRequestContent',
        "The request content was invalid: this test double needs the template itself in 'properties.template'.",
      );
    }
    return inTemplate(() => {
      demandIncremental(stringAt(body, 'properties.mode'));
      return loadTemplate(
        { id: deploymentId(target, name), name, target, location, template, parameters: objectAt(body, 'properties.parameters') },
        this.#services.host,
      );
    });
  }

  #location(target: DeploymentTarget, name: string, body: JsonObject): string | undefined {
    const location = stringAt(body, 'location');
    if (target.resourceGroup !== undefined) {
      if (location === undefined) return undefined;
      throw new ArmError(
        400,
        'InvalidDeployment',
        `The 'location' property is not allowed for '${name}' at resource group scope. Please see https://aka.ms/deploy-to-subscription for usage details.`,
      );
    }
    if (location === undefined) {
      throw new ArmError(
        400,
        'LocationRequired',
        `The 'location' property must be specified for '${name}'. Please see https://aka.ms/deploy-to-subscription for usage details.`,
      );
    }
    const before = this.find(target, name)?.loaded.source.location;
    if (before !== undefined && normalLocation(before) !== normalLocation(location)) {
      throw new ArmError(
        409,
        'InvalidDeploymentLocation',
        `Invalid deployment location '${location}'. The deployment '${name}' already exists in location '${before}'.`,
      );
    }
    return normalLocation(location);
  }
}

function deploymentId(target: DeploymentTarget, name: string): string {
  return formatResourceId(containerOf(target), DEPLOYMENT_TYPE, [name]);
}

/** What is wrong with a template is an answer of the service. */
function inTemplate<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof TemplateError ? invalidTemplate(error) : error;
  }
}
