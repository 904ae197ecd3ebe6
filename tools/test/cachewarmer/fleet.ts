import { startAzurite } from '@warpforge/blob-backend/testing';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ReadCounts, TreeShape } from '../../counting-mount/counted-tree.ts';
import { CountingMount, type CountedMountPoint } from '../../counting-mount/counting-mount.ts';
import { RunningProgram } from '../infra/running-program.ts';

const BIN = fileURLToPath(new URL('../../../apps/infra/bin/warpforge-infra.mjs', import.meta.url));

/** The counting mount is the export of each address. */
const EXPORT_PATH = '/export';

/** Queues and records on Azurite, and a tree of files that counts what is read of it, under several addresses. Disposing ends all of it. */
export class FleetTest implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #mount: CountingMount;
  readonly #nodes: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;

  private constructor(
    stack: AsyncDisposableStack,
    mount: CountingMount,
    folder: string,
    nodes: readonly string[],
    connectionString: string,
  ) {
    this.#stack = stack;
    this.#mount = mount;
    this.#nodes = nodes;
    this.folder = folder;
    const { NODE_COMPILE_CACHE: compiled = '' } = process.env;
    this.environment = {
      PATH: '/usr/bin:/bin',
      HOME: folder,
      NODE_COMPILE_CACHE: compiled,
      AZURE_STORAGE_CONNECTION_STRING: connectionString,
      // Short, so that the work of a worker that was killed is soon seen again.
      CACHEWARMER_LEASE_SECONDS: '6',
    };
  }

  /** @param addresses how each of them behaves. */
  static async start(shape: TreeShape, addresses: readonly Omit<CountedMountPoint, 'path'>[]): Promise<FleetTest> {
    await using stack = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), 'warpforge-fleet-'));
    stack.defer(() => rmSync(folder, { recursive: true }));
    const nodes = addresses.map((_, index) => join(folder, `node-${index}`));
    for (const node of nodes) mkdirSync(join(node, EXPORT_PATH), { recursive: true });
    const [azurite, mount] = await Promise.all([
      startAzurite({ accounts: [{ name: 'fleet' }], queues: true }),
      CountingMount.start(
        shape,
        addresses.map((address, index) => ({ ...address, path: join(nodes[index] ?? '', EXPORT_PATH) })),
      ),
    ]);
    stack.use(azurite);
    stack.use(mount);
    return new FleetTest(stack.move(), mount, folder, nodes, azurite.accounts[0]?.connectionString ?? '');
  }

  counts(): Promise<ReadCounts> {
    return this.#mount.counts();
  }

  /** The job for everything below a folder of the tree. */
  job(path = '/', further: Readonly<Record<string, unknown>> = {}): string {
    const addresses = this.#nodes.map((node) => pathToFileURL(node).href);
    return JSON.stringify({ WarmTargetMountAddresses: addresses, WarmTargetExportPath: EXPORT_PATH, WarmTargetPath: path, ...further });
  }

  /** Starts `warpforge-infra cachewarmer …`. */
  start(args: readonly string[], variables: Readonly<Record<string, string>> = {}): RunningProgram {
    const env = { ...this.environment, ...variables };
    return new RunningProgram({ file: process.execPath, args: [BIN, 'cachewarmer', ...args], cwd: this.folder, env });
  }

  /** Starts `submit --wait --json` of a message as it is. */
  submit(job: string): RunningProgram {
    const program = this.start(['submit', '--job', '-', '--wait', '--json']);
    program.type(job);
    program.endInput();
    return program;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

/** The report that `submit --wait --json` printed on its last line. */
export function lastLine(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text.trim().split('\n').at(-1) ?? '');
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
