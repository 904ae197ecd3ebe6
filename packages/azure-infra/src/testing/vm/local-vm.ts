import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { writeEnvironmentFile } from '../environment-file.ts';
import { freePort } from './free-port.ts';

/** A disk of the VM: a loop device over a file of zeros, which takes no room before something is written. */
export interface LocalVmDisk {
  /** As sysfs tells it, such as `Microsoft NVMe Direct Disk v2`. */
  readonly model: string;
  /** Size in bytes. Default: 32 MiB. */
  readonly bytes?: number;
  /** Puts something on the image before the VM starts. */
  readonly prepare?: (image: string) => void;
}

/** Programs that are installed on this machine: an installation, or a clone of the repository. */
export interface LocalPrograms {
  /** Folder with `node_modules`, in which `@warpforge/mount`, `trainer`, `infra` and `webdataset` are. */
  readonly folder: string;
  /** The Node that they run on. Default: this process's. */
  readonly node?: string;
}

/** How a VM is made. */
export interface LocalVmOptions {
  /** What the npm of the VM installs: those programs, by links, or whatever a program says that stands in for npm. */
  readonly programs: LocalPrograms | { readonly npm: string };
  /** Who logs in and may use sudo. Default: `azureuser`. */
  readonly user?: string;
  /** Public keys, as lines of `authorized_keys`, of the user and of root. Default: one that is made, see `target.identityFile`. */
  readonly authorizedKeys?: readonly string[];
  /** TCP port of the SSH server. Default: a free one. */
  readonly port?: number;
  readonly disks?: readonly LocalVmDisk[];
  /** The root file system lies on a disk of the model of a local NVMe disk, which comes after the others. */
  readonly rootOnNvme?: boolean;
  /** The managed identity: variables with which `@azure/identity` finds it, and the certificate (PEM) that its services have. */
  readonly identity?: { readonly environment: Readonly<Record<string, string>>; readonly certificate: string };
}

/** How the VM is reached by SSH. */
export interface LocalVmTarget {
  readonly host: '127.0.0.1';
  readonly user: string;
  readonly port: number;
  /** Private key of the pair that was made for it; there is no such file where keys were given. */
  readonly identityFile: string;
  /** For its host key; absent before somebody connects. */
  readonly knownHostsFile: string;
}

const DISK_BYTES = 32 * 1024 * 1024;
/** Stand-ins that every VM has; its npm is another matter. */
const STAND_INS = ['apt-get', 'systemctl', 'journalctl'];
/** Where the VM has the certificate. */
const CERTIFICATE = '/vm/azure.pem';

// In the package as in the repository the scripts lie under src, beside which dist is.
const script = (name: string): string => fileURLToPath(new URL(`../../../src/testing/vm/scripts/${name}.sh`, import.meta.url));

/**
 * A VM on this machine: its file system with changes in memory only, mounts and process numbers of its own, real loop devices as disks,
 * a real SSH server on 127.0.0.1, and `/dev/fuse`, so that what is mounted there is mounted for real. The network is this machine's.
 * `apt-get`, `npm`, `systemctl` and `journalctl` are stand-ins that download nothing; cloud-init is not there, so nothing runs at its
 * first boot. Only root can make one, see {@link whyNoLocalVm}.
 *
 * Nothing of it outlives this process, however that ends.
 */
export class LocalVm implements AsyncDisposable {
  readonly target: LocalVmTarget;
  /** Folder of this machine that the VM has as `/vm/config`. */
  readonly folder: string;
  /** Devices of the disks, in order. */
  readonly devices: readonly string[];
  /** Files that the disks lie in, in order. */
  readonly images: readonly string[];
  readonly #process: ChildProcess;

  private constructor(target: LocalVmTarget, folder: string, disks: Pick<LocalVm, 'devices' | 'images'>, process: ChildProcess) {
    this.target = target;
    this.folder = folder;
    this.devices = disks.devices;
    this.images = disks.images;
    this.#process = process;
  }

  /**
   * Makes one and waits until its SSH server listens.
   *
   * @throws {Error} with what went wrong; nothing is left then.
   */
  static async start(options: LocalVmOptions): Promise<LocalVm> {
    const { user = 'azureuser', programs, disks = [] } = options;
    if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(user)) throw new Error(`${user} is no name of a Linux user`);
    const folder = mkdtempSync(join(tmpdir(), 'warpforge-vm-'));
    try {
      const port = options.port ?? (await freePort());
      const target: LocalVmTarget = {
        host: '127.0.0.1',
        user,
        port,
        identityFile: join(folder, 'user-key'),
        knownHostsFile: join(folder, 'known hosts'),
      };
      await writeFolder(folder, port, options);
      const images = disks.map(({ bytes = DISK_BYTES, prepare }, number) => makeImage(join(folder, `disk-${number}`), bytes, prepare));
      const pairs = disks.map(({ model }, number) => `${model}=${images[number] ?? ''}`);
      const rootImage = options.rootOnNvme === true ? makeImage(join(folder, 'root'), DISK_BYTES, makeFileSystem) : '-';
      const installed = 'npm' in programs ? ['-', '-'] : [programs.folder, programs.node ?? process.execPath];
      const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private'];
      const child = spawn('unshare', [...namespaces, 'bash', script('boot'), folder, user, ...installed, rootImage, ...pairs], {
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      const devices: string[] = [];
      createInterface({ input: child.stdout }).on('line', (line) => devices.push(line.split(' ').at(-1) ?? ''));
      await listening(child).catch(async (error: unknown) => {
        await end(child);
        throw error;
      });
      return new LocalVm(target, folder, { devices, images: rootImage === '-' ? images : [...images, rootImage] }, child);
    } catch (error) {
      rmSync(folder, { recursive: true });
      throw error;
    }
  }

  /** Ends everything that runs there. */
  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#process);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function writeFolder(folder: string, port: number, { programs, identity, authorizedKeys }: LocalVmOptions): Promise<void> {
  for (const name of ['host-key', ...(authorizedKeys === undefined ? ['user-key'] : [])]) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'vm', '-f', join(folder, name)]);
  }
  const keys = join(folder, 'authorized_keys');
  if (authorizedKeys === undefined) copyFileSync(join(folder, 'user-key.pub'), keys);
  else writeFileSync(keys, authorizedKeys.map((key) => `${key.trim()}\n`).join(''));
  for (const name of STAND_INS) copyFileSync(script(name), join(folder, name));
  copyFileSync('npm' in programs ? programs.npm : script('npm'), join(folder, 'npm'));
  copyFileSync(script('prepare'), join(folder, 'prepare.sh'));
  let environment: Record<string, string> = {};
  if (identity !== undefined) {
    environment = { ...identity.environment, NODE_EXTRA_CA_CERTS: CERTIFICATE };
    writeFileSync(join(folder, 'azure.pem'), identity.certificate);
    await writeEnvironmentFile(join(folder, 'environment'), environment);
  }
  writeFileSync(join(folder, 'sshd_config'), sshdConfig(port, { ...environment, WARPFORGE_SYSFS: '/vm/sys' }));
}

/** Whoever logs in has the identity, as on a VM of Azure's. One line of SetEnv counts, the first. */
function sshdConfig(port: number, environment: Readonly<Record<string, string>>): string {
  const variables = Object.entries(environment).map(([name, value]) => `"${name}=${value}"`);
  return `ListenAddress 127.0.0.1:${port}
HostKey /vm/config/host-key
PasswordAuthentication no
KbdInteractiveAuthentication no
KexAlgorithms curve25519-sha256
PidFile none
Subsystem sftp internal-sftp
SetEnv ${variables.join(' ')}
`;
}

function makeImage(image: string, bytes: number, prepare?: (image: string) => void): string {
  writeFileSync(image, '');
  truncateSync(image, bytes);
  prepare?.(image);
  return image;
}

function makeFileSystem(image: string): void {
  execFileSync('mkfs.ext4', ['-q', image]);
}

async function listening(child: ChildProcess): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (text: Buffer) => {
      said += text.toString();
      if (said.includes('Server listening')) resolve();
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error(`the VM did not start:\n${said}`)));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}
