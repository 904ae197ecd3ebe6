import { ArmError } from './arm-error.ts';
import type { ResourceType } from './resource-type.ts';

/** Every type of resource that the service knows. */
export class TypeRegistry {
  readonly #types: ReadonlyMap<string, ResourceType>;

  constructor(types: readonly ResourceType[]) {
    this.#types = new Map(types.map((type) => [type.type.toLowerCase(), type]));
  }

  all(): readonly ResourceType[] {
    return [...this.#types.values()];
  }

  find(type: string): ResourceType | undefined {
    return this.#types.get(type.toLowerCase());
  }

  /** @throws {ArmError} `InvalidResourceNamespace` or `InvalidResourceType`. */
  get(type: string, apiVersion: string): ResourceType {
    const found = this.find(type);
    if (found !== undefined) return found;
    const [namespace = '', ...path] = type.split('/');
    if (!this.all().some((known) => known.type.toLowerCase().startsWith(`${namespace.toLowerCase()}/`))) {
      throw new ArmError(404, 'InvalidResourceNamespace', `The resource namespace '${namespace}' is invalid.`);
    }
    throw new ArmError(
      404,
      'InvalidResourceType',
      `The resource type '${path.join('/')}' could not be found in the namespace '${namespace}' for api version '${apiVersion}'.`,
    );
  }

  /** The type when it is known with that API version. @throws {ArmError} */
  withVersion(type: string, apiVersion: string, location: string | undefined): ResourceType {
    const found = this.get(type, apiVersion);
    if (found.apiVersions.includes(apiVersion)) return found;
    const [namespace = '', ...path] = found.type.split('/');
    if (namespace === 'Microsoft.Resources') throw invalidVersion(apiVersion, found.apiVersions);
    throw new ArmError(
      400,
      'NoRegisteredProviderFound',
      `No registered resource provider found for location '${location ?? ''}' and API version '${apiVersion}' for type '${path.join('/')}'. ` +
        `The supported api-versions are '${found.apiVersions.join(', ')}'.`,
    );
  }
}

/** The answer to an API version that an endpoint of the service itself doesn't know. */
export function invalidVersion(apiVersion: string, known: readonly string[]): ArmError {
  return new ArmError(
    400,
    'InvalidApiVersionParameter',
    `The api-version '${apiVersion}' is invalid. The supported versions are '${known.join(',')}'.`,
  );
}
