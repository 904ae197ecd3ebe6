import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NfsMounter } from '../../src/mount/nfs-mounter.ts';
import { runProgram, type ProgramEnd } from '../../src/mount/run-program.ts';
import { eventually, never } from './rig.ts';

const OPTIONS = 'ro,hard,nointr,proto=tcp,mountproto=tcp,retry=30';
const OK: ProgramEnd = { code: 0, stderr: '' };

let root: string;
let calls: string[][];
let ends: ProgramEnd[];
let table: string;
let mounter: NfsMounter;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mount root-'));
  [calls, ends, table] = [[], [], ''];
  mounter = new NfsMounter({
    root,
    readMountTable: () => Promise.resolve(table),
    run: (program, args) => {
      calls.push([program, ...args]);
      return Promise.resolve(ends.shift() ?? OK);
    },
  });
});
afterEach(() => rm(root, { recursive: true }));

const mount = (host = '10.0.1.11', exportPath = '/animation/$(touch x)') => mounter.mount({ kind: 'nfs', host, exportPath }, never);

describe('NfsMounter', () => {
  it('mounts with arguments that no shell sees, and unmounts', async () => {
    const mounted = await mount();
    expect(mounted.path).toBe(join(root, '10.0.1.11/animation/$(touch x)'));
    expect((await stat(mounted.path)).isDirectory()).toBe(true);
    await mounted[Symbol.asyncDispose]();
    expect(calls).toEqual([
      ['mount', '-t', 'nfs', '-o', OPTIONS, '10.0.1.11:/animation/$(touch x)', mounted.path],
      ['umount', mounted.path],
    ]);
    expect(await readdir(join(root, '10.0.1.11/animation'))).toEqual([]);
  });

  it('mounts the root of a host with an IPv6 address', async () => {
    const { path } = await mount('fd00::1', '/');
    expect(path).toBe(join(root, 'fd00::1'));
    expect(calls[0]).toEqual(['mount', '-t', 'nfs', '-o', OPTIONS, '[fd00::1]:/', path]);
  });

  it('uses what is mounted there already, and leaves it', async () => {
    const path = join(root, 'h/e');
    table = `36 35 0:42 / ${path.replaceAll(' ', '\\040')} ro,relatime shared:1 - nfs4 h:/e ro,hard\n`;
    const mounted = await mount('h', '/e');
    await mounted[Symbol.asyncDispose]();
    expect([mounted.path, calls]).toEqual([path, []]);
    table = table.replace('h:/e', 'other:/e');
    await expect(mount('h', '/e')).rejects.toThrow(`${path} is taken: other:/e (nfs4) is mounted there, and not h:/e; unmount it`);
  });

  it.each([
    ['mount.nfs: Connection timed out', /h does not answer; check that it is up/],
    ['mount.nfs: Failed to resolve server h: Name or service not known', /h does not answer/],
    ['mount.nfs: access denied by server while mounting h:/e', /access was denied; check that the export's rules allow this machine/],
    ['mount.nfs: mounting h:/e failed, reason given by server: No such file or directory', /h does not export that path/],
    ['mount: /x: bad option; for several filesystems you might need a /sbin/mount.<type> helper program.', /apt-get install nfs-common/],
  ])('says what to do about %s', async (stderr, message) => {
    ends = [{ code: 32, stderr: `${stderr}\n` }];
    await expect(mount('h', '/e')).rejects.toMatchObject({ code: 'MOUNT_FAILED', message: expect.stringMatching(message) as string });
    expect(await readdir(join(root, 'h'))).toEqual([]);
  });

  it('says what to install where there is no program mount', async () => {
    ends = [{ code: 'missing', stderr: '' }];
    await expect(mount()).rejects.toThrow('install the packages mount and nfs-common');
  });

  it('takes the name away when the server does not let go', async () => {
    const mounted = await mount('h', '/e');
    ends = [{ code: 32, stderr: 'umount: target is busy' }];
    await mounted[Symbol.asyncDispose]();
    expect(calls.slice(1)).toEqual([
      ['umount', mounted.path],
      ['umount', '-l', mounted.path],
    ]);
    const stays = await mount('h', '/e');
    ends = [
      { code: 32, stderr: 'busy' },
      { code: 1, stderr: 'still busy\n' },
    ];
    await expect(stays[Symbol.asyncDispose]()).rejects.toThrow(
      `could not be unmounted (still busy); unmount it by hand: umount -l ${stays.path}`,
    );
  });
});

describe('runProgram', () => {
  it('tells how a program ended', async () => {
    expect(await runProgram('sh', ['-c', 'echo $LC_ALL >&2; exit 32'], never)).toEqual({ code: 32, stderr: 'C\n' });
    expect(await runProgram('no-such-program', [], never)).toMatchObject({ code: 'missing' });
    expect(await runProgram('sh', ['-c', 'kill -9 $$'], never)).toMatchObject({ code: 'killed' });
  });

  it('ends the program at an abort', async () => {
    const abort = new AbortController();
    const end = runProgram('sleep', ['600'], abort.signal);
    abort.abort(new Error('enough'));
    await expect(end).rejects.toThrow('enough');
  });

  it('ends what the program has started too, as mount starts mount.nfs, which would go on for half an hour', async () => {
    const file = join(root, 'helper');
    const abort = new AbortController();
    const end = runProgram('sh', ['-c', `sleep 600 & echo $! > '${file}'; wait`], abort.signal);
    end.catch(() => undefined);
    const helper = await eventually(async () => {
      const id = Number(await readFile(file, 'utf8'));
      expect(id).toBeGreaterThan(0);
      return id;
    });
    abort.abort(new Error('enough'));
    await expect(end).rejects.toThrow('enough');
    await eventually(async () => expect(await isRunning(helper)).toBe(false));
  });

  it('starts nothing after an abort', async () => {
    const file = join(root, 'started');
    await expect(runProgram('touch', [file], AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    await expect(stat(file)).rejects.toThrow('ENOENT');
  });
});

/** One that has ended may wait for whoever collects it. */
async function isRunning(id: number): Promise<boolean> {
  const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => 'State:\tZ');
  return !/^State:\tZ/m.test(status);
}
