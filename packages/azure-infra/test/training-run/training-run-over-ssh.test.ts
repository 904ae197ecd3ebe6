import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { installDaemonConfig } from '../../src/install-daemon-config.ts';
import { runTraining } from '../../src/training-run/training-run.ts';
import { describeOnIsolatedVm } from '../machine/fixtures/availability.ts';
import { IsolatedVm } from '../machine/fixtures/isolated-vm.ts';

const repository = fileURLToPath(new URL('../../../..', import.meta.url));

const CONFIG = `mount_point: /wd
allow_other: true
cache: { path: /vm/cache, max_size: 100MB }
metrics: { enabled: false }
backends:
  - { name: datasets-cac, type: local, config: { path: /vm/a } }
  - { name: datasets-wus3, type: local, config: { path: /vm/b } }
`;

/** A real SSH server, mount and training; as on an Azure VM root mounts, and another user trains. */
describeOnIsolatedVm('a training run on a VM', () => {
  const shards = mkdtempSync(join(tmpdir(), 'warpforge-shards-'));
  let vm: IsolatedVm;

  beforeAll(async () => {
    // Another process, because this package knows nothing of shards.
    const code = `const { writeSyntheticShards } = await import('@warpforge/webdataset/synthetic');
await writeSyntheticShards({ directory: ${JSON.stringify(shards)}, shards: 2, imagesPerShard: 4, size: 16 });`;
    execFileSync(process.execPath, ['--conditions=@warpforge/source', '--input-type=module', '--eval', code], { cwd: repository });
    vm = await IsolatedVm.start();
    // What the setup installs, out of this repository.
    const programs = Object.entries({ warpdrive: 'mount', 'warpforge-train': 'trainer' }).map(
      ([name, app]) =>
        `printf '#!/bin/sh\\nexec %s %s "$@"\\n' '${process.execPath}' '${repository}/apps/${app}/bin/${name}.mjs' >/usr/local/bin/${name}
chmod 755 /usr/local/bin/${name}`,
    );
    const made = await vm.run(`mkdir -p /wd /vm/a /vm/b\nchown azureuser /vm/a /vm/b\n${programs.join('\n')}\n`);
    expect(made.status, made.stderr).toBe(0);
    const { signal } = new AbortController();
    for (const [backend, number] of [['a', 0] as const, ['b', 1] as const]) {
      const files = readdirSync(shards).filter((name) => name.includes(`shard-00000${number}`));
      await vm.machine().copyTo(
        files.map((name) => join(shards, name)),
        `/vm/${backend}/train`,
        signal,
      );
    }
  });
  afterAll(async () => {
    rmSync(shards, { recursive: true });
    await vm[Symbol.asyncDispose]();
  });

  it('installs the configuration, mounts, warms, trains, and leaves nothing', async () => {
    const { signal } = new AbortController();
    const printed: string[] = [];
    const print = (line: string): void => void printed.push(line);
    await installDaemonConfig({ machine: vm.machine(), config: CONFIG, signal, onLine: print });
    expect(printed).toEqual(['wrote /etc/warpdrive/config.yaml', 'no unit warpdrive.service runs here; "warpdrive serve" mounts']);

    const result = await runTraining({
      ...{ machine: vm.machine(), configPath: '/etc/warpdrive/config.yaml', mountAsRoot: true },
      ...{ training: { steps: 2, batchSize: 4, workers: 1 }, mode: 'warm', signal },
      view: { step: print, detail: print, line: print },
    });
    expect(result).toMatchObject({
      mountPoint: '/wd',
      backends: [
        { name: 'datasets-cac', shards: 1 },
        { name: 'datasets-wus3', shards: 1 },
      ],
      training: { steps: 2 },
    });
    expect(printed).toContainEqual(expect.stringMatching(/^step=2 {2}images_per_sec=/));
    expect(printed.at(-1)).toBe('Done.');
    const left = await vm.run('grep fuse.warpdrive /proc/self/mounts; pgrep --full warpdrive.mjs; pgrep --full mount/src/main.ts; true');
    expect(left.stdout).toBe('');
  });
});
