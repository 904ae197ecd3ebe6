import { startAzurite } from '@warpforge/blob-backend/testing';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { RunningProgram } from '../infra/running-program.ts';
import { lastLine } from './fleet.ts';

vi.setConfig({ testTimeout: 180_000 });

const BIN = fileURLToPath(new URL('../../../apps/infra/bin/warpforge-infra.mjs', import.meta.url));
const PORT = 2049;

/** What is missing for a real NFS mount; undefined when nothing is. */
function whyNoNfs(): string | undefined {
  if (process.getuid?.() !== 0) return 'mounting NFS needs root';
  spawnSync('modprobe', ['nfs']);
  if (!readFileSync('/proc/filesystems', 'utf8').includes('nfs4')) return 'this kernel has no NFS client';
  const missing = ['ganesha.nfsd', 'mount.nfs', 'rpcbind'].filter((program) => spawnSync('which', [program]).status !== 0);
  return missing.length === 0 ? undefined : 'apt-get install nfs-ganesha nfs-ganesha-vfs nfs-common rpcbind';
}

/** An NFS server that exports a folder as `/export`. Disposing ends it. */
async function startNfsServer(folder: string, exported: string): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const configuration = join(folder, 'ganesha.conf');
  writeFileSync(
    configuration,
    `NFS_CORE_PARAM { NFS_Protocols = 4; NFS_Port = ${PORT}; Bind_addr = 127.0.0.1; }
NFSv4 { RecoveryRoot = ${folder}/recovery; Grace_Period = 1; Lease_Lifetime = 5; }
EXPORT { Export_Id = 1; Path = ${exported}; Pseudo = /export; Access_Type = RO; Squash = No_Root_Squash; SecType = sys; FSAL { Name = VFS; } }
`,
  );
  const ganesha = ['ganesha.nfsd', '-F', '-f', configuration, '-L', join(folder, 'log'), '-p', join(folder, 'pid')];
  // The server announces itself, and does not start where it cannot.
  for (const [program = '', ...args] of [['rpcbind', '-f'], ganesha]) {
    const child = spawn(program, args, { stdio: 'ignore' });
    stack.defer(async () => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    });
  }
  await vi.waitFor(
    async () => {
      const socket = connect(PORT, '127.0.0.1');
      await once(socket, 'connect');
      socket.destroy();
    },
    { timeout: 30_000, interval: 200 },
  );
  const owned = stack.move();
  return { [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

describe('a job with an NFS address', () => {
  const reason = whyNoNfs();
  const mounted = reason === undefined ? it : it.skip;
  mounted(
    `is read through the kernel's client, and nothing stays mounted${reason === undefined ? '' : ` (skipped: ${reason})`}`,
    async () => {
      await using stack = new AsyncDisposableStack();
      const folder = mkdtempSync(join(tmpdir(), 'warpforge-nfs-'));
      stack.defer(() => rmSync(folder, { recursive: true }));
      const exported = join(folder, 'exported/scene1');
      mkdirSync(exported, { recursive: true });
      for (let file = 0; file < 300; file++) writeFileSync(join(exported, String(file)), Buffer.alloc(1000));
      stack.use(await startNfsServer(folder, join(folder, 'exported')));
      const azurite = stack.use(await startAzurite({ accounts: [{ name: 'nfs' }], queues: true }));
      const env = {
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: folder,
        AZURE_STORAGE_CONNECTION_STRING: azurite.accounts[0]?.connectionString ?? '',
      };
      const start = (args: readonly string[]): RunningProgram =>
        stack.use(new RunningProgram({ file: process.execPath, args: [BIN, 'cachewarmer', ...args], cwd: folder, env }));
      const target = [
        '--warm-target-mount-addresses',
        '127.0.0.1',
        '--warm-target-export-path',
        '/export',
        '--warm-target-path',
        '/scene1',
      ];
      const submit = start(['submit', '--wait', '--json', ...target]);
      await submit.printed('"job"');
      const manager = start(['manager', '--launcher', 'local', '--workers', '1', '--once', '--mount-root', join(folder, 'mounts')]);
      const { code, stdout } = await submit.end;
      const managed = await manager.end;
      expect({ code, manager: managed.code }, managed.stderr).toEqual({ code: 0, manager: 0 });
      expect(lastLine(stdout)).toMatchObject({ state: 'warm', files: 300, bytes: 300_000, addresses: { '127.0.0.1': { files: 300 } } });
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(join(folder, 'mounts'));
    },
  );
});
