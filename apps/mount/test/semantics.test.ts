import { startAzurite } from '@warpforge/blob-backend/testing';
import { fuseAvailability } from '@warpforge/fuse-fs';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { start, type Running } from './harness/cli.ts';
import { createContainer, putBlob } from './harness/storage.ts';

const DOCUMENT = new URL('../../../docs/semantics.md', import.meta.url);
/** Where the document mounts; each command runs with the mount point of the test instead. */
const DOCUMENTED_MOUNT_POINT = '/wd';
const CONTAINER = 'semantics';

interface Example {
  readonly heading: string;
  readonly command: string;
  readonly output: string;
}

/** The `console` blocks of the document: lines that begin with `$` are commands, the lines after one are what it prints. */
function examplesOf(markdown: string): Example[] {
  const examples: Example[] = [];
  let heading = '';
  for (const [, title, block] of markdown.matchAll(/^## (.*)$|^```console\n([\s\S]*?)^```$/gm)) {
    if (title !== undefined) heading = title;
    for (const [, command = '', output = ''] of (block ?? '').matchAll(/^\$ (.*)\n((?:(?!\$ ).*\n)*)/gm))
      examples.push({ heading, command, output });
  }
  return examples;
}

/** The blobs of the table at the head of the document. */
const BLOBS: readonly (readonly [string, Uint8Array<ArrayBuffer>])[] = [
  ['hello.txt', bytes('Hello, world\n')],
  ['train/shard-000000.tar', new Uint8Array(300_000)],
  ['train/shard-000001.tar', new Uint8Array(300_000).fill(1)],
  ['train', bytes('shadowed')],
  ['odd//name', bytes('hidden')],
  ['empty', bytes('')],
];

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text));
}

const examples = examplesOf(await readFile(DOCUMENT, 'utf8'));

describe.skipIf(!fuseAvailability().ok)('docs/semantics.md', () => {
  const stack = new AsyncDisposableStack();
  let mountPoint = '';
  let daemon: Running;

  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'semantics-'));
    stack.defer(() => rm(directory, { recursive: true }));
    const azurite = stack.use(await startAzurite({ accounts: [{ name: 'semantics' }] }));
    const account = azurite.accounts[0]!;
    await createContainer(account, CONTAINER);
    for (const [path, content] of BLOBS) await putBlob(account, CONTAINER, path, content);
    mountPoint = join(directory, 'wd');
    await mkdir(mountPoint);
    const config = join(directory, 'config.yaml');
    const auth = { method: 'shared_key', account_key_env: 'ACCOUNT_KEY' };
    const store = { account: account.name, container: CONTAINER, endpoint: account.blobEndpoint };
    await writeFile(
      config,
      stringify({
        mount_point: mountPoint,
        cache: { path: join(directory, 'cache'), max_size: '1GB' },
        backends: [{ name: 'data', type: 'azureblob', config: store, auth }],
        metrics: { enabled: false },
      }),
    );
    daemon = stack.use(start(['serve', '--config', config], { ACCOUNT_KEY: account.key }));
    expect(await daemon.nextLine()).toContain('ready');
  });

  afterAll(() => stack.disposeAsync());

  it('has examples', () => {
    expect(examples.length).toBeGreaterThan(10);
  });

  it.each(examples)('$heading: $command', ({ command, output }) => {
    const elsewhere = (text: string): string => text.replaceAll(DOCUMENTED_MOUNT_POINT, mountPoint);
    const result = spawnSync('sh', ['-c', `{ ${elsewhere(command)}\n} 2>&1`], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
    // dash counts the lines of its script, and the braces around the command are one of the test's own.
    expect(result.stdout.replace(/^sh: \d+: /gm, 'sh: 1: ')).toBe(elsewhere(output));
  });
});
