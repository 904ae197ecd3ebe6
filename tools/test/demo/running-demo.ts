import { spawn, type ChildProcess } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, vi } from 'vitest';
import { clearFolder, mountsBelow } from '../../demo/work-folder.ts';

const MAIN = fileURLToPath(new URL('../../demo/main.ts', import.meta.url));

/** So little data that what the demo does, not what it computes, takes the time. */
export const TINY = '--dataset synthetic --size 16 --shards 4 --images-per-shard 24 --steps 12 --batch-size 8 --workers 1'.split(' ');

/** How a demo ended. */
export interface DemoEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A demo that runs as a process of its own, with a folder for temporary files of its own: whatever it leaves behind is found there, in
 * the table of mounts, or in the environment of a process.
 */
export class RunningDemo implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly end: Promise<DemoEnd>;
  readonly #folder: string;
  readonly #waiting: { readonly text: string; readonly resolve: () => void }[] = [];
  #output = '';

  constructor(args: readonly string[], options: { readonly uid?: number } = {}) {
    this.#folder = realpathSync(mkdtempSync(join(tmpdir(), 'warpforge-test-')));
    const { uid } = options;
    if (uid !== undefined) chownSync(this.#folder, uid, uid);
    this.process = spawn(process.execPath, ['--conditions=@warpforge/source', MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: this.#folder, NO_COLOR: '1' },
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    const texts = { stdout: '', stderr: '' };
    for (const from of ['stdout', 'stderr'] as const) {
      createInterface({ input: this.process[from]! }).on('line', (line) => {
        texts[from] += `${line}\n`;
        this.#output += `${line}\n`;
        for (const { text, resolve } of this.#waiting) if (this.#output.includes(text)) resolve();
      });
    }
    this.end = new Promise((resolve) => this.process.once('close', (code, signal) => resolve({ code, signal, ...texts })));
  }

  /** Everything printed so far. */
  get output(): string {
    return this.#output;
  }

  /** Waits until it has printed a text, and fails when it ends before. */
  async printed(text: string): Promise<void> {
    const seen = Promise.withResolvers<undefined>();
    this.#waiting.push({ text, resolve: () => seen.resolve(undefined) });
    if (this.#output.includes(text)) seen.resolve(undefined);
    await Promise.race([
      seen.promise,
      this.end.then(() => {
        if (!this.#output.includes(text)) throw new Error(`the demo ended without printing "${text}":\n${this.#output}`);
      }),
    ]);
  }

  /** Waits for a process that the demo has started, known by a part of its command line. */
  async part(command: string): Promise<number> {
    return vi.waitFor(
      () => {
        const found = this.#descendants().find(({ commandLine }) => commandLine.includes(command));
        if (found === undefined) throw new Error(`no process with "${command}":\n${this.#output}`);
        return found.pid;
      },
      { timeout: 20_000, interval: 20 },
    );
  }

  /** No process, no mount, and no file of it may be there any more. */
  async expectNothingLeft(): Promise<void> {
    await vi.waitFor(
      async () => {
        expect(this.#descendants(), this.#output).toEqual([]);
        expect(await mountsBelow(this.#folder), this.#output).toEqual([]);
        expect(readdirSync(this.#folder), this.#output).toEqual([]);
      },
      { timeout: 20_000, interval: 50 },
    );
  }

  /** Takes down what a failed test has found left behind, too. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill('SIGTERM');
    await this.end;
    for (const { pid } of this.#descendants()) process.kill(pid, 'SIGKILL');
    await clearFolder(this.#folder, { keep: false });
  }

  /** All processes that have inherited its environment. */
  #descendants(): { readonly pid: number; readonly commandLine: string }[] {
    const mark = `TMPDIR=${this.#folder}`;
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        try {
          if (!readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(mark)) return [];
          return [{ pid: Number(name), commandLine: readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ') }];
        } catch {
          // It has ended meanwhile, or belongs to somebody else.
          return [];
        }
      });
  }
}
