import type { ComputeManagementClient } from '@azure/arm-compute';
import { ArmError } from '../arm/arm-error.ts';
import { clientSettings, type AzureClientOptions } from '../arm/azure/client-options.ts';
import { asking, askingFor } from '../arm/azure/failures.ts';
import { resourceId } from '../graph/resource-id.ts';
import { SCALE_SET } from '../graph/scale-set.ts';
import type { ScaleSet, ScaleSetInstance } from './scale-set.ts';

/** Which scale set, and how to reach it. */
export interface ScaleSetTarget extends AzureClientOptions {
  readonly resourceGroup: string;
  readonly name: string;
  /** Told why there are fewer instances than were asked for: a lack of capacity or quota, which another try may end. Default: nothing. */
  readonly onProblem?: (problem: ArmError) => void;
}

/** Opens a flexible scale set. The client, which takes a while to load, is loaded here; nothing is asked yet. */
export async function openScaleSet(target: ScaleSetTarget): Promise<ScaleSet> {
  const { credential, subscriptionId, pollIntervalMs, modular } = clientSettings(target);
  const { ComputeManagementClient } = await import('@azure/arm-compute');
  return new AzureScaleSet(new ComputeManagementClient(credential, subscriptionId, modular), target, pollIntervalMs);
}

/**
 * What a request says that cannot be met now, and may be later: https://learn.microsoft.com/azure/virtual-machines/troubleshooting/error-codes-spot,
 * https://learn.microsoft.com/troubleshoot/azure/virtual-machines/windows/allocation-failure. `OperationNotAllowed` is a quota that is
 * used up, or an operation that is going on.
 */
const PASSING_CODES =
  /^(Zonal|Overconstrained(Zonal)?)?Allocation(Failed|Request)$|^SkuNotAvailable$|Quota|^OperationNotAllowed$|^Conflict(ingUserInput)?$|^ConcurrentWrite/i;

/** A later request has taken the place of an earlier one, as it was meant to. Of an operation that ends so the client has the text alone. */
const SUPERSEDED = /\bOperationPreempted\b/;

/** A state in which an instance does not work, and will not. */
const GONE = new Set(['Deleting', 'Failed', 'Canceled']);

class AzureScaleSet implements ScaleSet {
  readonly #client: ComputeManagementClient;
  readonly #target: ScaleSetTarget;
  readonly #poll: { readonly updateIntervalInMs: number };

  constructor(client: ComputeManagementClient, target: ScaleSetTarget, pollIntervalMs: number) {
    this.#client = client;
    this.#target = target;
    this.#poll = { updateIntervalInMs: pollIntervalMs };
  }

  async instances(signal: AbortSignal): Promise<readonly ScaleSetInstance[]> {
    return (await this.#list(signal)).filter(({ provisioningState }) => !GONE.has(provisioningState));
  }

  async raiseTo(count: number, signal: AbortSignal): Promise<void> {
    const { resourceGroup, name } = this.#target;
    const scaleSet = await asking(`reading the scale set ${name}`, signal, () =>
      this.#client.virtualMachineScaleSets.get(resourceGroup, name, { abortSignal: signal }),
    );
    // Asked for after the scale set: what is being made by then is listed.
    const all = await this.#list(signal);
    const failed = all.filter(({ provisioningState }) => provisioningState === 'Failed');
    const live = all.filter(({ provisioningState }) => !GONE.has(provisioningState)).length;
    const stated = scaleSet.sku?.capacity ?? 0;
    if (live >= count) return;
    if (stated >= count && scaleSet.provisioningState === 'Updating') return;
    if (failed.length > 0) {
      this.#report(
        new ArmError(`${failed.length} of the instances of ${name} could not be made; they are deleted, and asked for again`, {}),
      );
      await this.#delete(
        failed.map((instance) => instance.name),
        signal,
      );
      return;
    }
    // A capacity that counts instances which were evicted is brought to what there is, so that the service sees a difference.
    if (stated >= count && !(await this.#setCapacity(all.length, signal))) return;
    await this.#setCapacity(count, signal);
  }

  async remove(names: readonly string[], signal: AbortSignal): Promise<void> {
    const wanted = new Set(names);
    const existing = (await this.#list(signal)).filter(
      ({ name, provisioningState }) => wanted.has(name) && provisioningState !== 'Deleting',
    );
    if (existing.length > 0) {
      await this.#delete(
        existing.map(({ name }) => name),
        signal,
      );
    }
  }

  async toZero(signal: AbortSignal): Promise<void> {
    await this.#setCapacity(0, signal);
  }

  async #list(signal: AbortSignal): Promise<ScaleSetInstance[]> {
    const { subscriptionId, resourceGroup, name } = this.#target;
    const filter = `'virtualMachineScaleSet/id' eq '${resourceId(subscriptionId, resourceGroup, SCALE_SET, name)}'`;
    return asking(`listing the instances of ${name}`, signal, async () => {
      const instances: ScaleSetInstance[] = [];
      for await (const vm of this.#client.virtualMachines.list(resourceGroup, { filter, abortSignal: signal })) {
        instances.push({
          name: vm.name ?? '',
          computerName: vm.osProfile?.computerName,
          startedAt: vm.timeCreated ?? new Date(),
          provisioningState: vm.provisioningState ?? 'Succeeded',
        });
      }
      return instances;
    });
  }

  /** Whether the service has taken it. */
  async #setCapacity(capacity: number, signal: AbortSignal): Promise<boolean> {
    const { resourceGroup, name } = this.#target;
    try {
      await asking(`setting the capacity of ${name} to ${capacity}`, signal, async () => {
        const options = { ...this.#poll, abortSignal: signal };
        const operation = this.#client.virtualMachineScaleSets.update(resourceGroup, name, { sku: { capacity } }, options);
        await operation.submitted();
        void this.#reportEnd(`raising ${name} to ${capacity} instances`, operation.pollUntilDone({ abortSignal: signal }), signal);
      });
      return true;
    } catch (error) {
      if (!(error instanceof ArmError && isPassing(error))) throw error;
      this.#report(error);
      return false;
    }
  }

  async #delete(names: readonly string[], signal: AbortSignal): Promise<void> {
    const { resourceGroup, name } = this.#target;
    await askingFor(`deleting instances of ${name}`, signal, () =>
      // Of a flexible scale set the ids of instances are their names.
      this.#client.virtualMachineScaleSets
        .deleteInstances(resourceGroup, name, { instanceIds: [...names] }, { ...this.#poll, abortSignal: signal })
        .submitted(),
    );
  }

  /** Follows what was asked for beside the caller, who looks for instances by listing them: only the reason of a failure is wanted. */
  async #reportEnd(what: string, end: Promise<unknown>, signal: AbortSignal): Promise<void> {
    try {
      await asking(what, signal, () => end);
    } catch (error) {
      if (signal.aborted || !(error instanceof ArmError) || SUPERSEDED.test(error.message)) return;
      this.#report(error);
    }
  }

  #report(problem: ArmError): void {
    this.#target.onProblem?.(problem);
  }
}

function isPassing({ fault, status }: ArmError): boolean {
  return status === 409 || PASSING_CODES.test(fault?.code ?? '');
}
