import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { walkTarget, WalkError, type WalkEntry } from '../src/index.ts';

const signal = new AbortController().signal;
let mount: string;

beforeEach(() => (mount = mkdtempSync(join(tmpdir(), 'walk-'))));
afterEach(() => {
  for (const closed of ['closed', 't/closed']) if (existsSync(join(mount, closed))) chmodSync(join(mount, closed), 0o700);
  rmSync(mount, { recursive: true });
});

function write(path: string, content = 'x'): void {
  mkdirSync(dirname(join(mount, path)), { recursive: true });
  writeFileSync(join(mount, path), content);
}

async function walk(target: string): Promise<{ files: string[]; skipped: string[]; unreadable: string[] }> {
  const entries: WalkEntry[] = [];
  for await (const entry of await walkTarget(mount, target, signal)) entries.push(entry);
  return {
    files: entries.flatMap((entry) => (entry.kind === 'file' ? [entry.file.path] : [])).sort(),
    skipped: entries.flatMap((entry) => (entry.kind === 'skipped' ? [entry.by] : [])).sort(),
    unreadable: entries.flatMap((entry) => (entry.kind === 'unreadable' ? [`${entry.failure.path}: ${entry.failure.reason}`] : [])),
  };
}

/** Runs something with the rights of nobody when they are those of root, to whom no folder is closed. */
async function withoutRights<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

describe('a walk', () => {
  it('finds every file below the target, with size and time, whatever it is called', async () => {
    for (const path of ['t/a', 't/b/c', 't/b/.d', 't/b/e/größe 漢字', 't/b/e/new\nline', 'other']) write(path, path);
    mkdirSync(join(mount, 't/empty'));
    expect(await walk('t')).toEqual({ files: ['a', 'b/.d', 'b/c', 'b/e/größe 漢字', 'b/e/new\nline'], skipped: [], unreadable: [] });
    expect((await walk('')).files).toHaveLength(6);
  });

  it('is of one file where the target is one', async () => {
    write('t/a', '12345');
    const entries: WalkEntry[] = [];
    for await (const entry of await walkTarget(mount, 't/a', signal)) entries.push(entry);
    expect(entries).toMatchObject([{ kind: 'file', file: { path: '.', size: 5 } }]);
  });

  it('finds all of a folder that takes many batches', async () => {
    for (let file = 0; file < 1_000; file++) write(`t/${file}`);
    let found = 0;
    for await (const entry of await walkTarget(mount, 't', signal)) found += entry.kind === 'file' ? 1 : 0;
    expect(found).toBe(1_000);
  });

  it('passes over links into the target, out of the mount, to nowhere and in circles', async () => {
    write('t/a');
    write('t/sub/b');
    symlinkSync('a', join(mount, 't/same'));
    symlinkSync('../sub', join(mount, 't/sub/circle'));
    symlinkSync('loop', join(mount, 't/loop'));
    symlinkSync('nowhere', join(mount, 't/broken'));
    symlinkSync('/etc/passwd', join(mount, 't/outside'));
    symlinkSync('..', join(mount, 't/up'));
    expect(await walk('t')).toEqual({ files: ['a', 'sub/b'], skipped: Array.from({ length: 6 }, () => 'links'), unreadable: [] });
  });

  it('follows links to other places of the mount, each place once', async () => {
    write('t/a');
    write('shared/textures/wood');
    write('shared/single');
    symlinkSync('../shared/textures', join(mount, 't/textures'));
    symlinkSync('../shared/textures', join(mount, 't/again'));
    symlinkSync('../shared/single', join(mount, 't/single'));
    symlinkSync('../../t', join(mount, 'shared/textures/back'));
    const { files, skipped } = await walk('t');
    expect(files).toHaveLength(3);
    expect(files.filter((path) => path.endsWith('/wood'))).toHaveLength(1);
    expect(files).toEqual(expect.arrayContaining(['a', 'single']));
    expect(skipped.every((by) => by === 'links')).toBe(true);
  });

  it.each([
    ['1-inner', '2-outer'],
    ['2-inner', '1-outer'],
  ])('finds once what is linked by itself (%s) and as part of a folder (%s)', async (inner, outer) => {
    write('shared/textures/wood');
    write('shared/stone');
    mkdirSync(join(mount, 't/1'), { recursive: true });
    mkdirSync(join(mount, 't/2'));
    symlinkSync(join(mount, 'shared/textures'), join(mount, 't', inner.replace('-', '/')));
    symlinkSync(join(mount, 'shared'), join(mount, 't', outer.replace('-', '/')));
    const { files, skipped } = await walk('t');
    expect(files.map((path) => path.slice(path.lastIndexOf('/') + 1)).sort()).toEqual(['stone', 'wood']);
    expect(skipped).toEqual(['links']);
  });

  it('tells of files that vanish while their folder is listed', async () => {
    for (let file = 0; file < 200; file++) write(`t/${file}`);
    const files: string[] = [];
    const vanished: string[] = [];
    for await (const entry of await walkTarget(mount, 't', signal)) {
      if (entry.kind === 'file') files.push(entry.file.path);
      if (entry.kind === 'unreadable') vanished.push(entry.failure.reason);
      // The whole listing is in a buffer of the C library by now, but only one batch has been looked at.
      if (files.length === 1 && vanished.length === 0) rmSync(join(mount, 't'), { recursive: true });
    }
    expect(files.length).toBeLessThan(200);
    expect(vanished).toHaveLength(200 - files.length);
    expect(new Set(vanished)).toEqual(new Set(['it vanished while its folder was listed (ENOENT)']));
  });

  it('tells of folders that cannot be read, and of names that are not UTF-8, and goes on', async () => {
    write('t/closed/a');
    write('t/open/b');
    chmodSync(mount, 0o755);
    chmodSync(join(mount, 't/closed'), 0);
    execFileSync('bash', ['-c', `touch "$1"/bad-$'\\xff'`, 'bash', join(mount, 't')]);
    const { files, unreadable } = await withoutRights(() => walk('t'));
    expect(files).toContain('open/b');
    expect(files).not.toContain('closed/a');
    expect(unreadable.sort()).toEqual([
      'bad-\ufffd: its name is not UTF-8, so that it cannot stand in a job: rename it',
      'closed/: the folder could not be listed to its end (EACCES)',
    ]);
  });

  it('passes over pipes', async () => {
    write('t/a');
    execFileSync('mkfifo', [join(mount, 't/pipe')]);
    expect(await walk('t')).toEqual({ files: ['a'], skipped: ['special'], unreadable: [] });
  });

  it('fails where the target is missing or cannot be read', async () => {
    write('file');
    await expect(walk('nothing')).rejects.toMatchObject({ name: 'WalkError', code: 'TARGET_MISSING' });
    await expect(walk('file/below')).rejects.toMatchObject({ code: 'TARGET_MISSING' });
    mkdirSync(join(mount, 'closed'), { mode: 0 });
    chmodSync(mount, 0o755);
    await expect(withoutRights(() => walk('closed'))).rejects.toBeInstanceOf(WalkError);
    await expect(withoutRights(() => walk('closed'))).rejects.toMatchObject({ code: 'TARGET_UNREADABLE' });
  });

  it('ends at an abort', async () => {
    for (let file = 0; file < 200; file++) write(`t/${file}`);
    const abort = new AbortController();
    const reason = new Error('stopped');
    await expect(
      (async () => {
        for await (const { kind } of await walkTarget(mount, 't', abort.signal)) if (kind === 'file') abort.abort(reason);
      })(),
    ).rejects.toBe(reason);
  });
});
