import { readdir, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JobContext } from '../job-context.ts';
import { JsonAnswer } from '../json-answer.ts';
import { scrape, type Counters } from '../metrics.ts';
import type { Part } from '../part.ts';
import type { Storage } from '../steps/start-storage.ts';
import { daemonConfig, keyEnvironment } from './daemon-config.ts';
import { BACKENDS, type BackendName, type ListedFile, type ShardFiles, type ShardReading, type WarmOutcome } from './shard-reading.ts';

const WARPDRIVE = fileURLToPath(new URL('../../../apps/mount/bin/warpdrive.mjs', import.meta.url));

interface Paths {
  readonly configFile: string;
  readonly mountPoint: string;
  readonly metricsUrl: string;
}

/** The daemon with its mount: the way of the product. */
export class MountedReading implements ShardReading {
  readonly read = 'fuse';
  readonly transport: string;
  readonly #context: JobContext;
  readonly #daemon: Part;
  readonly #paths: Paths;

  private constructor(context: JobContext, daemon: Part, paths: Paths, transport: string) {
    this.#context = context;
    this.#daemon = daemon;
    this.#paths = paths;
    this.transport = transport;
  }

  /** Writes the configuration, starts the daemon and waits until the mount can be read. */
  static async open(
    context: JobContext,
    storage: Storage,
    mount: { readonly mountPoint: string; readonly transport: string },
  ): Promise<MountedReading> {
    const { supervisor, terminal, work } = context;
    const { mountPoint, transport } = mount;
    const configFile = work.file('config.yaml');
    await writeFile(configFile, daemonConfig(storage, { mountPoint, cache: await work.folder('cache') }));
    terminal.detail(`configuration  ${configFile}`);
    terminal.detail(`mount point    ${mountPoint}`);

    const ready = Promise.withResolvers<string>();
    const daemon = supervisor.startService({
      name: 'warpdrive serve',
      command: [process.execPath, WARPDRIVE, 'serve', '--config', configFile, '--json'],
      env: keyEnvironment(storage),
      logFile: work.file('logs', 'warpdrive-serve.log'),
      onLine: (line, from) => {
        if (from === 'stdout') ready.resolve(line);
      },
    });
    try {
      const notice = JsonAnswer.parse('warpdrive serve', await supervisor.until(ready.promise));
      const metricsUrl = `${notice.text('metricsUrl')}/metrics`;
      terminal.detail(`metrics        ${metricsUrl}`);
      return new MountedReading(context, daemon, { configFile, mountPoint, metricsUrl }, transport);
    } catch (error) {
      await daemon.stop();
      throw error;
    }
  }

  async list(): Promise<readonly ListedFile[]> {
    const listed: ListedFile[] = [];
    for (const { name } of BACKENDS) {
      // A mount can hang, and nothing ends a system call that waits for it.
      listed.push(...(await this.#context.supervisor.until(listBackend(name, join(this.#paths.mountPoint, name)))));
    }
    return listed;
  }

  /** They are there already. */
  files(): Promise<ShardFiles> {
    return Promise.resolve({
      waitedMs: 0,
      root: (split) => BACKENDS.map(({ name }) => join(this.#paths.mountPoint, name, split)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  }

  async warm(): Promise<readonly WarmOutcome[]> {
    const { supervisor, terminal, work } = this.#context;
    const line = await supervisor.runPart({
      name: 'warpdrive warm',
      command: [process.execPath, WARPDRIVE, 'warm', '--config', this.#paths.configFile, '--json'],
      logFile: work.file('logs', 'warpdrive-warm.log'),
      // On a terminal the command draws its own bars.
      ...(terminal.isTTY ? { stderrTo: terminal.fd } : {}),
      onLine: (text, from) => {
        if (from === 'stderr') terminal.detail(text);
      },
    });
    const answer = JsonAnswer.parse('warpdrive warm', line);
    const outcomes = answer.list('backends');
    return BACKENDS.map(({ name }) => {
      const outcome = outcomes.find((candidate) => candidate.text('backend') === name);
      const numberOf = (key: string): number => outcome?.number(key) ?? 0;
      return {
        backend: name,
        files: numberOf('files'),
        complete: numberOf('complete'),
        bytes: numberOf('bytes'),
        fetchedBytes: numberOf('fetchedBytes'),
        elapsedMs: numberOf('elapsedMs'),
      };
    });
  }

  async counters(): Promise<Counters> {
    const { supervisor } = this.#context;
    return scrape(this.#paths.metricsUrl, supervisor.signal);
  }

  /** The daemon unmounts when it is asked to end; what a dead one leaves behind, the work folder takes down. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon.stop();
  }
}

async function listBackend(backend: BackendName, root: string): Promise<ListedFile[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(paths.map(async (path) => ({ backend, path: relative(root, path), size: (await stat(path)).size })));
}
