import { dirname, join } from 'node:path';
import { listAt, stringAt } from '../arm/json.ts';
import type { ResourceEvent } from '../arm/store.ts';
import type { FakeAzure } from '../fake-azure.ts';
import { freePort } from './free-port.ts';
import { LocalVm, type LocalPrograms } from './local-vm.ts';
import { writeSshPrograms } from './ssh-programs.ts';

/** What the VM of a deployment is made with. */
export interface DeployedVmOptions {
  /** What the setup of the VM installs. */
  readonly programs: LocalPrograms;
  /** `PATH` on which `ssh` and `scp` are. */
  readonly path: string;
}

const MACHINES = 'Microsoft.Compute/virtualMachines';

/** Sizes with a local NVMe disk: https://learn.microsoft.com/azure/virtual-machines/sizes/storage-optimized/l-family */
const HAS_LOCAL_NVME = /^Standard_L\d/i;

/** Takes no room before it is written to; the real ones begin at 1.92 TB, of which not even the tables would fit everywhere. */
const NVME_BYTES = 8 * 1024 ** 3;

/**
 * Makes a VM on this machine whenever one is deployed, with the user and the key of the deployment and the identity that got the roles,
 * and ends it when it is deleted. One at a time: an environment has one. In the environment of `azure` the commands `ssh` and `scp` reach
 * it at 127.0.0.1, which is its public address there. Instances of scale sets are left out. Disposing ends it.
 */
export async function startDeployedVms(azure: FakeAzure, { programs, path }: DeployedVmOptions): Promise<AsyncDisposable> {
  const directory = dirname(azure.environmentFile);
  const port = await freePort();
  await writeSshPrograms({ directory, binDirectory: join(directory, 'bin'), port, path });
  let vm: LocalVm | undefined;
  let made: string | undefined;
  let last = Promise.resolve();

  const make = async (id: string): Promise<void> => {
    const machine = azure.resourceManager.resource(id);
    if (stringAt(machine, 'properties.virtualMachineScaleSet.id') !== undefined) return;
    made = id;
    const keys = listAt(machine, 'properties.osProfile.linuxConfiguration.ssh.publicKeys').map((key) => stringAt(key, 'keyData') ?? '');
    const user = stringAt(machine, 'properties.osProfile.adminUsername');
    const size = stringAt(machine, 'properties.hardwareProfile.vmSize') ?? '';
    const own = stringAt(machine, 'identity.principalId') !== undefined;
    vm = await LocalVm.start({
      programs,
      port,
      authorizedKeys: keys,
      ...(user === undefined ? {} : { user }),
      identity: { environment: own ? azure.vmEnvironment : azure.machineEnvironment(id), certificate: azure.certificate },
      disks: HAS_LOCAL_NVME.test(size) ? [{ model: 'Microsoft NVMe Direct Disk v2', bytes: NVME_BYTES }] : [],
    });
  };
  const remove = async (): Promise<void> => {
    await vm?.[Symbol.asyncDispose]();
    vm = undefined;
    made = undefined;
  };
  const follow = ({ kind, id, type }: ResourceEvent): Promise<void> | undefined => {
    if (type.toLowerCase() !== MACHINES.toLowerCase() || kind === 'updated') return undefined;
    last = last.then(async () => {
      if (kind === 'created' && made === undefined) await make(id);
      if (kind === 'deleted' && made === id) await remove();
    });
    return last;
  };
  const unsubscribe = azure.resourceManager.subscribe(follow);
  return {
    async [Symbol.asyncDispose]() {
      unsubscribe();
      // Whoever deployed it has heard of a failure.
      await last.catch(() => undefined);
      await remove();
    },
  };
}
