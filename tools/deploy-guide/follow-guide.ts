import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { startLocalAzure } from '../fake-azure/local-azure.ts';
import { guideScript } from './guide-script.ts';

/** Who follows the guide, and with what. */
export interface FollowGuideOptions {
  /** The Markdown file. */
  readonly document: string;
  /** Folder with `node_modules`, in whose `.bin` the programs are that the reader has installed: a clone, or an installation. */
  readonly programs: string;
  /** Root of a clone, where the reader has one; without it `npm run` and `npx nx` are left out. */
  readonly clone?: string;
  /** Told of what is printed, as it is. */
  readonly onOutput?: (text: string) => void;
}

/** How far the reader came. */
export interface GuideFollowed {
  /** 0: to the end. */
  readonly exitCode: number;
  /** All that was printed. */
  readonly output: string;
  /** Commands that were not run, each with its line. */
  readonly leftOut: readonly string[];
}

/** Enough to see everything work. */
const SMALL = {
  ...{ NUM_SHARDS: '4', IMAGES_PER_SHARD: '20', IMAGE_SIZE: '32' },
  ...{ TRAIN_STEPS: '4', BATCH_SIZE: '8', NUM_WORKERS: '2' },
};

/** Where the daemon of the guide serves its metrics; a VM on this machine has this machine's network. */
const METRICS_PORT = 9090;

/**
 * Follows a guide as its reader would, from top to bottom in one shell in an empty folder, with the stand-in for Azure and a VM on this
 * machine. Nothing is left of it. Needs what `whyNoLocalVm` names.
 */
export async function followGuide({ document, programs, clone, onOutput }: FollowGuideOptions): Promise<GuideFollowed> {
  await demandFree(METRICS_PORT);
  await using stack = new AsyncDisposableStack();
  const home = await mkdtemp(join(tmpdir(), 'warpforge-guide-'));
  stack.defer(() => rm(home, { recursive: true, force: true }));
  const folder = join(home, 'work');
  await mkdir(folder);
  await mkdir(join(home, '.ssh'), { mode: 0o700 });
  await succeed('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(home, '.ssh/id_ed25519')]);
  const node = dirname(process.execPath);
  const path = [join(programs, 'node_modules/.bin'), node, process.env['PATH'] ?? ''].join(delimiter);
  const azure = stack.use(await startLocalAzure({ path, vmPrograms: { folder: programs } }));

  const { text, leftOut } = guideScript(await readFile(document, 'utf8'), { document: basename(document), folder, clone });
  const script = join(home, 'guide.sh');
  await writeFile(script, text);
  // Nothing of this process's own environment: a variable could be one of the settings.
  const environment = { ...azure.environment, ...SMALL, HOME: home, TMPDIR: tmpdir(), LANG: 'C.UTF-8', NX_DAEMON: 'false', NO_COLOR: '1' };
  const child = spawn('bash', [script], { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      output += bytes.toString();
      onOutput?.(bytes.toString());
    });
  }
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode: exitCode ?? 1, output, leftOut };
}

async function demandFree(port: number): Promise<void> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch (cause) {
    throw new Error(`the guide needs 127.0.0.1:${port}, for the metrics of its daemon: end what listens there`, { cause });
  }
  server.close();
  await once(server, 'close');
}

async function succeed(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${code ?? 'a signal'}`);
}
