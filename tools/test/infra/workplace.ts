import {
  makeCertificate,
  startFakeAzure,
  VirtualClock,
  type StorageUpstreamOptions,
  type FakeAzure,
  type FakeAzureOptions,
  type FakeResourceManager,
  type JsonObject,
} from '@warpforge/azure-infra/testing';
import { startAzurite } from '@warpforge/blob-backend/testing';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import { ProgramHost } from './program-host.ts';
import { RunningProgram, type Ended } from './running-program.ts';

// A test starts the program several times, each of which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const BIN = fileURLToPath(new URL('../../../apps/infra/bin/warpforge-infra.mjs', import.meta.url));

/** Types by what they are called here. */
export const TYPES = {
  account: 'Microsoft.Storage/storageAccounts',
  address: 'Microsoft.Network/publicIPAddresses',
  container: 'Microsoft.Storage/storageAccounts/blobServices/containers',
  group: 'Microsoft.Resources/resourceGroups',
  role: 'Microsoft.Authorization/roleAssignments',
  securityGroup: 'Microsoft.Network/networkSecurityGroups',
  vm: 'Microsoft.Compute/virtualMachines',
} as const;

/** A valid key of 32 zero bytes. */
export const SSH_PUBLIC_KEY = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(43)} somebody@example`;

/** So much passes with each look that everything is over at the first one, and programs do not wait for the next. */
const QUICK = { pollSeconds: 600, rolePropagationSeconds: 30 };

/** What all tests of a file share, each of which has the rest of Azure for itself. Disposing ends it. */
export interface BlobStorage extends AsyncDisposable {
  readonly upstream: StorageUpstreamOptions;
  /** Runs the commands of all tests. */
  readonly host: ProgramHost;
}

/** Starts Azurite, which takes longer than all other doubles together. */
export async function startBlobStorage(): Promise<BlobStorage> {
  await using stack = new AsyncDisposableStack();
  const certificate = stack.use(await makeCertificate());
  const host = stack.use(new ProgramHost());
  const azurite = stack.use(await startAzurite({ accounts: [{ name: 'upstream' }], tls: certificate }));
  const owned = stack.move();
  const url = azurite.accounts[0]?.blobEndpoint ?? '';
  return { upstream: { url, certificate: certificate.cert }, host, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Time that can be stopped: what has begun in Azure goes on no further, however often it is looked at. */
export class StoppableClock extends VirtualClock {
  #stopped = false;
  #secondsPerLook = Infinity;

  constructor() {
    super(Date.now());
  }

  /** Takes effect within a second, also while time passes. */
  stop(): void {
    this.#stopped = true;
  }

  /** From now on each look lets so much time pass at most. Default: all of it. */
  goOn({ secondsPerLook = Infinity }: { readonly secondsPerLook?: number } = {}): void {
    this.#stopped = false;
    this.#secondsPerLook = secondsPerLook;
  }

  override advance(seconds: number): void {
    for (let left = Math.min(seconds, this.#secondsPerLook); left > 0 && !this.#stopped; left -= 1) super.advance(Math.min(left, 1));
  }
}

/** How a workplace differs from a new one of the owner of an empty subscription. */
export interface WorkplaceOptions {
  readonly resourceManager?: FakeAzureOptions['resourceManager'];
}

/**
 * Where a person works: a terminal in an empty folder, with a home that has an SSH key, signed in to a subscription of its own. Disposing
 * ends all of it.
 */
export class Workplace implements AsyncDisposable {
  readonly azure: FakeAzure;
  /** The current directory. */
  readonly folder: string;
  readonly home: string;
  readonly #root: string;
  readonly #host: ProgramHost;

  private constructor(azure: FakeAzure, root: string, host: ProgramHost) {
    this.azure = azure;
    this.#root = root;
    this.#host = host;
    this.folder = join(root, 'work');
    this.home = join(root, 'home');
    mkdirSync(this.folder);
    mkdirSync(join(this.home, '.ssh'), { recursive: true });
    writeFileSync(join(this.home, '.ssh/id_ed25519.pub'), `${SSH_PUBLIC_KEY}\n`);
  }

  static async open({ upstream, host }: BlobStorage, { resourceManager = {} }: WorkplaceOptions = {}): Promise<Workplace> {
    const root = mkdtempSync(join(tmpdir(), 'warpforge-workplace-'));
    try {
      const directory = join(root, 'azure');
      const azure = await startFakeAzure({ upstream, directory, path: '/usr/bin:/bin', resourceManager: { ...QUICK, ...resourceManager } });
      return new Workplace(azure, root, host);
    } catch (error) {
      rmSync(root, { recursive: true });
      throw error;
    }
  }

  get manager(): FakeResourceManager {
    return this.azure.resourceManager;
  }

  /** What programs get: nothing of the environment of the tests, but where programs keep what they have compiled. */
  get environment(): Readonly<Record<string, string>> {
    return { ...this.azure.environment, HOME: this.home, NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '' };
  }

  /** Starts `warpforge-infra` where there is no terminal. */
  start(args: readonly string[], variables: Readonly<Record<string, string>> = {}): RunningProgram {
    return this.startNode([BIN, ...args], variables);
  }

  /** Starts Node with these arguments. */
  startNode(args: readonly string[], variables: Readonly<Record<string, string>> = {}): RunningProgram {
    return this.#launch(process.execPath, args, variables);
  }

  /**
   * Starts it on a pseudo-terminal, on which everything is printed that it prints. What is typed is what the keys send. `redirection` is of
   * the shell: `> file`.
   */
  startOnTerminal(args: readonly string[], variables: Readonly<Record<string, string>> = {}, redirection = ''): RunningProgram {
    const command = `exec ${[process.execPath, BIN, ...args].map((word) => `'${word}'`).join(' ')} ${redirection}`;
    return this.#launch('/usr/bin/script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null'], variables);
  }

  /** Runs it to its end where there is no terminal, as a process of its own. */
  async runAsProcess(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Ended> {
    await using program = this.start(args, variables);
    program.endInput();
    return await program.end;
  }

  /** Runs it to its end where there is no terminal, in a process that runs other commands before and after it. */
  run(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return this.#host.run({ args, cwd: this.folder, env: { ...this.environment, ...variables } });
  }

  /** Runs it to its end, and fails unless it succeeds. @returns its standard output. */
  async succeed(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, variables);
    if (code !== 0) throw new Error(`warpforge-infra ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  }

  /** Requests that change something, of those since `from`: `PUT …/deployments/name`. */
  writes(from = 0): string[] {
    return this.manager.log
      .slice(from)
      .filter(({ method, path }) => method !== 'GET' && method !== 'HEAD' && !/\/(whatIf|validate|checkNameAvailability)$/i.test(path))
      .map(({ method, path }) => `${method} ${path}`);
  }

  /** Names of everything that exists, sorted: `storageAccounts wdforgea`. What only the owner of the subscription has is left out. */
  names(): string[] {
    return this.manager
      .resources()
      .filter((resource) => textAt(resource, 'properties', 'scope') !== `/subscriptions/${this.manager.subscriptionId}`)
      .map((resource) => `${textAt(resource, 'type').split('/').at(-1) ?? ''} ${textAt(resource, 'name')}`)
      .sort();
  }

  /** The only resource of a type. */
  only(type: string): JsonObject {
    const [first, second] = this.manager.resources(type);
    if (first === undefined || second !== undefined) throw new Error(`there is not exactly one ${type}`);
    return first;
  }

  /** Object id of the VM's identity. */
  get vmPrincipal(): string {
    return textAt(this.only(TYPES.vm), 'identity', 'principalId');
  }

  /** Principals that have a role on one of the containers, sorted: each with the end of the role's id. */
  rights(): string[] {
    return this.manager
      .resources(TYPES.role)
      .filter((right) => textAt(right, 'properties', 'scope').includes('/containers/'))
      .map(
        (right) =>
          `${textAt(right, 'properties', 'principalId')} ${textAt(right, 'properties', 'roleDefinitionId').split('-').at(-1) ?? ''}`,
      )
      .sort();
  }

  /** A file of the current directory; undefined when there is none. */
  file(path: string): string | undefined {
    const absolute = join(this.folder, path);
    return existsSync(absolute) ? readFileSync(absolute, 'utf8') : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.azure[Symbol.asyncDispose]();
    rmSync(this.#root, { recursive: true });
  }

  #launch(file: string, args: readonly string[], variables: Readonly<Record<string, string>>): RunningProgram {
    return new RunningProgram({ file, args, cwd: this.folder, env: { ...this.environment, ...variables } });
  }
}

/** The text at a path; empty where there is none. */
export function textAt(value: unknown, ...path: readonly string[]): string {
  let current = value;
  for (const name of path) current = typeof current === 'object' && current !== null ? Reflect.get(current, name) : undefined;
  return typeof current === 'string' ? current : '';
}
