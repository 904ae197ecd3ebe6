import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMounter } from '../../src/mount/open-mounter.ts';
import { WarpforgeMounter } from '../../src/mount/warpforge-mounter.ts';
import { eventually, never } from './rig.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mounter-'));
});
afterEach(() => rm(root, { recursive: true }));

describe('openMounter', () => {
  it('uses directories as they are', async () => {
    const mounter = openMounter();
    expect((await mounter.mount({ kind: 'directory', path: root }, never)).path).toBe(root);
    await expect(mounter.mount({ kind: 'directory', path: join(root, 'gone') }, never)).rejects.toMatchObject({ code: 'MOUNT_FAILED' });
    const aborted = AbortSignal.abort(new Error('enough'));
    await expect(mounter.mount({ kind: 'directory', path: root }, aborted)).rejects.toThrow('enough');
    await writeFile(join(root, 'file'), '');
    await expect(mounter.mount({ kind: 'directory', path: join(root, 'file') }, never)).rejects.toThrow('is not a directory');
  });
});

describe('WarpforgeMounter', () => {
  const config = () => join(root, 'config.yaml');
  beforeEach(() =>
    writeFile(
      config(),
      `mount_point: ${root}/wd\ncache: { unknown: 1 }\nbackends:\n  - { name: a, mount_path: /data/a, kind: azure }\n  - { name: b }\n`,
    ),
  );
  /** A daemon that tells its arguments and its end in files. */
  const daemon = (ready: string): readonly [string, ...string[]] => [
    process.execPath,
    '-e',
    `const { appendFileSync } = require('node:fs');
     appendFileSync('${root}/args', process.argv.slice(1).join(' ') + '\\n');
     process.on('SIGTERM', () => { appendFileSync('${root}/ended', 'x'); process.exit(); });
     ${ready}
     setInterval(() => undefined, 1000);`,
  ];
  const mounter = (table: string, ready = `console.log('ready mount_point=x');`) =>
    new WarpforgeMounter({ config: config(), command: daemon(ready), readMountTable: () => Promise.resolve(table) });

  it('finds backends below a daemon that runs', async () => {
    const running = mounter(`36 35 0:42 / ${root}/wd ro - fuse.warpdrive warpdrive ro\n`);
    expect((await running.mount('a', never)).path).toBe(`${root}/wd/data/a`);
    expect((await running.mount('b', never)).path).toBe(`${root}/wd/b`);
    await expect(readFile(`${root}/args`)).rejects.toThrow('ENOENT');
  });

  it('starts one for all backends where none runs, and ends it with the last mount', async () => {
    const absent = mounter('');
    const mounts = await Promise.all([absent.mount('a', never), absent.mount('b', never)]);
    expect(await readFile(`${root}/args`, 'utf8')).toBe(`serve --config ${config()}\n`);
    await mounts[0][Symbol.asyncDispose]();
    await expect(readFile(`${root}/ended`)).rejects.toThrow('ENOENT');
    await mounts[1][Symbol.asyncDispose]();
    expect(await readFile(`${root}/ended`, 'utf8')).toBe('x');
  });

  it('tells why the daemon did not start, and may start it again', async () => {
    const failing = mounter('', `console.error('backend a: denied'); process.exit(1);`);
    await expect(failing.mount('a', never)).rejects.toThrow(/did not start .*: backend a: denied$/s);
    await expect(failing.mount('a', never)).rejects.toThrow('did not start');
    const missing = new WarpforgeMounter({ config: config(), command: ['no-such-program'], readMountTable: () => Promise.resolve('') });
    await expect(missing.mount('a', never)).rejects.toThrow('ENOENT');
  });

  it('stops waiting for the daemon at an abort, and ends it', async () => {
    const abort = new AbortController();
    const mount = mounter('', '').mount('a', abort.signal);
    mount.catch(() => undefined);
    await eventually(() => readFile(`${root}/args`));
    abort.abort(new Error('enough'));
    await expect(mount).rejects.toThrow('enough');
    expect(await readFile(`${root}/ended`, 'utf8')).toBe('x');
  });

  it('says what is wrong with the configuration', async () => {
    await expect(mounter('').mount('c', never)).rejects.toThrow('has no backend c; it has a, b');
    await expect(mounter(`36 35 0:42 / ${root}/wd ro - ext4 /dev/sda ro\n`).mount('a', never)).rejects.toThrow('is taken: /dev/sda (ext4)');
    await writeFile(config(), 'backends: 5');
    await expect(mounter('').mount('a', never)).rejects.toThrow('is no configuration');
    await rm(config());
    await expect(mounter('').mount('a', never)).rejects.toThrow('cannot be read');
  });
});
