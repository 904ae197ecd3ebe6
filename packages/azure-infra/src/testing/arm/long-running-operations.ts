import { ArmError } from './arm-error.ts';
import type { GuidSource } from './guid-source.ts';
import type { Reply } from './reply.ts';

/** Something that goes on after its request is answered. */
export class LongRunningOperation {
  readonly id: string;
  /** Path and query of the URL that tells how far it is. */
  readonly statusUrl: string;
  /** Path and query of the URL that answers 202 until it is done, and then with the result. */
  readonly resultUrl: string;
  #outcome: { readonly reply: Reply; readonly error: ArmError | undefined } | undefined;

  constructor(id: string, base: string, apiVersion: string) {
    this.id = id;
    this.statusUrl = `${base}/operations/${id}?api-version=${apiVersion}`;
    this.resultUrl = `${base}/operationResults/${id}?api-version=${apiVersion}`;
  }

  /** @param reply - what the result's URL answers from now on; with an error, the error. */
  finish(error: ArmError | undefined, reply: Reply = { status: 204 }): void {
    this.#outcome = { error, reply };
  }

  get done(): boolean {
    return this.#outcome !== undefined;
  }

  /** The answer of {@link statusUrl}. */
  status(): Reply {
    const error = this.#outcome?.error;
    const status =
      this.#outcome === undefined
        ? 'InProgress'
        : error === undefined
          ? 'Succeeded'
          : error.code === 'DeploymentCanceled'
            ? 'Canceled'
            : 'Failed';
    return {
      status: 200,
      body: { id: this.statusUrl, name: this.id, status, error: error?.toJson() },
      headers: this.done ? {} : { 'retry-after': '0' },
    };
  }

  /** The answer of {@link resultUrl}. @throws {ArmError} when it failed. */
  result(): Reply {
    if (this.#outcome === undefined) return { status: 202, headers: { location: this.resultUrl, 'retry-after': '0' } };
    if (this.#outcome.error !== undefined) throw this.#outcome.error;
    return this.#outcome.reply;
  }
}

/** All that is going on or was. */
export class LongRunningOperations {
  readonly #guids: GuidSource;
  readonly #operations = new Map<string, LongRunningOperation>();

  constructor(guids: GuidSource) {
    this.#guids = guids;
  }

  /** @param base - path that the operation's URLs begin with. */
  begin(base: string, apiVersion: string): LongRunningOperation {
    const operation = new LongRunningOperation(this.#guids.next('long-running operation'), base, apiVersion);
    this.#operations.set(operation.id, operation);
    return operation;
  }

  /** @throws {ArmError} when there is none of that id. */
  get(id: string): LongRunningOperation {
    const operation = this.#operations.get(id.toLowerCase());
    if (operation !== undefined) return operation;
    throw new ArmError(404, 'OperationNotFound', `The operation '${id}' could not be found.`);
  }
}
