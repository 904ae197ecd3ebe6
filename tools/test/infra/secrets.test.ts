import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBlobStorage, Workplace, type BlobStorage } from './workplace.ts';

let storage: BlobStorage;
let place: Workplace;
/** What the commands printed and what they wrote, by where it is. */
const texts = new Map<string, string>();
let template: string;
beforeAll(async () => {
  storage = await startBlobStorage();
  place = await Workplace.open(storage);
  await useEverything();
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await storage[Symbol.asyncDispose]();
});

/** What no text may have: access tokens, keys and passwords by their marks. */
const MARKS = [
  /eyJ[\w-]{10,}/,
  /Bearer /,
  /AccountKey/i,
  /SharedAccessSignature/i,
  /[?&]sig=/i,
  /PRIVATE KEY/,
  /password(?!Authentication)/i,
];
/** Of the private key beside the public one. */
const PRIVATE_KEY = 'b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ';

/** A data set that is made in no time. */
const SMALL = { NUM_SHARDS: '2', IMAGES_PER_SHARD: '2', IMAGE_SIZE: '8' };

/** Tells of each process that a program starts, with its command line and its variables. */
const SPY = `import childProcess from 'node:child_process';
import { appendFileSync } from 'node:fs';
const spawn = childProcess.ChildProcess.prototype.spawn;
childProcess.ChildProcess.prototype.spawn = function (options) {
  appendFileSync(process.env.SPY_LOG, JSON.stringify(options.args) + '\\n');
  return spawn.call(this, options);
};`;

/** Runs every command that has to do with Azure, with a program for `ssh` that only tells how it was called. */
async function useEverything(): Promise<void> {
  writeFileSync(join(place.home, '.ssh/id_ed25519'), `-----BEGIN OPENSSH PRIVATE KEY-----\n${PRIVATE_KEY}\n`, { mode: 0o600 });
  const bin = join(place.home, 'bin');
  mkdirSync(bin);
  const [azFolder = '', ...path] = (place.environment['PATH'] ?? '').split(':');
  const wrapper = (name: string, then: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\nprintf '%s\\n' "${name} $*" >>"$SPY_LOG"\n${then}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  wrapper('az', `exec '${azFolder}/az' "$@"`);
  wrapper('ssh', 'exit 1');
  writeFileSync(join(place.home, 'spy.mjs'), SPY);
  const log = join(place.home, 'processes');
  const variables = { PATH: [bin, ...path].join(':'), NODE_OPTIONS: `--import=${join(place.home, 'spy.mjs')}`, SPY_LOG: log, ...SMALL };

  // What these start, others above and below them start as well; they are here for what they print.
  const others = new Set<string>([
    ...['plan --json', 'provision --json', 'config', 'config --output warpdrive.yaml'],
    ...['setup --dry-run', 'setup --script', 'setup --cloud-init'],
  ]);
  for (const [line, code] of [
    ['plan', 2],
    ['plan --json', 2],
    ['provision --yes', 0],
    ['provision --json', 0],
    ['provision --yes --json --vm-size Standard_D8s_v5', 0],
    ['status --json --vm-size Standard_D8s_v5', 0],
    ['config', 0],
    ['config --output warpdrive.yaml', 0],
    ['config --install', 1],
    ['setup', 1],
    ['setup --dry-run', 0],
    ['setup --script', 0],
    ['setup --cloud-init', 0],
    ['dataset', 0],
    ['dataset --verify', 0],
    ['teardown --force --json', 0],
  ] as const) {
    const ended = await (others.has(line) ? place.run(line.split(' '), variables) : place.runAsProcess(line.split(' '), variables));
    texts.set(`standard output of ${line}`, ended.stdout);
    texts.set(`standard error of ${line}`, ended.stderr);
    if (line === 'plan --json') template = JSON.stringify((JSON.parse(ended.stdout) as { template: unknown }).template);
    // What teardown removes is read before.
    for (const file of filesBelow(place.folder)) texts.set(file.slice(place.folder.length + 1), readFileSync(file, 'latin1'));
    expect({ line, code: ended.code, stderr: ended.stderr }).toMatchObject({ code });
  }
  texts.set('command lines', readFileSync(log, 'utf8'));
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The tokens that the sign-in gives, as its stub has them. */
function tokens(): string[] {
  const az = join(dirname(place.azure.environmentFile), 'bin/az');
  return [...new Set(readFileSync(az, 'utf8').match(/eyJ[\w-]+\.[\w-]+\.[\w-]*/g))];
}

describe('secrets', () => {
  it('are looked for where they would be: in what was printed, in what was written, and in what was started', () => {
    expect(tokens().length).toBeGreaterThan(1);
    const names = [...texts.keys()];
    expect(names).toEqual(expect.arrayContaining(['.warpforge/outputs.json', '.warpforge/.env.generated', 'warpdrive.yaml']));
    const started = texts.get('command lines') ?? '';
    expect(started).toMatch(/^az account get-access-token /m);
    expect(started).toMatch(/^ssh .*azureuser/m);
    expect(started).toMatch(/^\[".*az/m);
  });

  it('are in none of it', () => {
    const secrets = [...tokens(), PRIVATE_KEY];
    for (const [where, text] of texts) {
      for (const mark of MARKS) expect.soft(text.match(mark)?.[0], `${where} has ${mark}`).toBeUndefined();
      for (const secret of secrets) expect.soft(text.includes(secret), where).toBe(false);
    }
  });

  it('are not in the template, nor in the user data of the VM, which everybody on it can read', () => {
    const encoded = /"customData":"([^"]+)"/.exec(template)?.[1] ?? '';
    const userData = Buffer.from(encoded, 'base64').toString();
    expect(userData).toMatch(/^#cloud-config\n/);
    for (const text of [template, userData]) {
      for (const mark of MARKS) expect(text).not.toMatch(mark);
      expect(text).not.toContain(PRIVATE_KEY);
    }
    expect(template).toContain('"allowSharedKeyAccess":false');
  });

  it('have no file of their own', () => {
    const written = [...texts.keys()].filter((name) => !/ of |^command lines$/.test(name));
    expect(written.filter((name) => !name.startsWith('.warpforge/dataset/')).sort()).toEqual([
      '.warpforge/.env.generated',
      '.warpforge/outputs.json',
      'warpdrive.yaml',
    ]);
  });
});
