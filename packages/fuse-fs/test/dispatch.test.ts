import { describe, expect, it } from 'vitest';
import type { OpenFile } from '../src/index.ts';
import { Dispatcher, type Replies } from '../src/session/dispatch.ts';
import { Handles } from '../src/session/handles.ts';
import { Passthrough } from '../src/session/passthrough.ts';
import { eventually } from './fixtures/eventually.ts';
import { encodeRequest, packed } from './fixtures/encode-request.ts';
import { MemoryFileSystem } from './fixtures/memory-file-system.ts';

const NO_THREADS = { register: () => undefined, unregister: () => undefined };

/** A kernel that takes no answers, as after an abort, or takes and notes them. */
class Answers implements Replies {
  readonly errors = new Map<bigint, number>();
  readonly payloads = new Map<bigint, Uint8Array | undefined>();
  readonly #takes: boolean;

  constructor(takes: boolean) {
    this.#takes = takes;
  }

  reply(unique: bigint, payload?: Uint8Array): boolean {
    if (this.#takes) this.payloads.set(unique, payload);
    return this.#takes;
  }

  replyError(unique: bigint, errno: number): void {
    this.errors.set(unique, errno);
  }
}

describe('answers that the kernel does not take', () => {
  it('hand out nothing: references and handles are given back', async () => {
    const fileSystem = new MemoryFileSystem({ file: Buffer.from('x'), directory: { inner: Buffer.alloc(0) } });
    const dispatcher = new Dispatcher(new Answers(false), fileSystem, new Handles(NO_THREADS, undefined));
    dispatcher.handle(encodeRequest('lookup', Buffer.from('file\0')));
    dispatcher.handle(encodeRequest('open', packed([32, 0], [32, 0]), { inode: 2n }));
    dispatcher.handle(encodeRequest('opendir', packed([32, 0], [32, 0]), { inode: 3n }));
    await eventually(() => dispatcher.operations).toMatchObject({ lookup: 1, open: 1, opendir: 1 });
    expect([...fileSystem.references.values()]).toEqual([0]);
    expect(fileSystem.openHandles).toBe(0);
  });

  it('give back the references of a whole listing', async () => {
    const fileSystem = new MemoryFileSystem({ a: Buffer.from('x'), b: Buffer.from('y') });
    const handles = new Handles(NO_THREADS, undefined);
    const { handle } = handles.addDirectory(fileSystem.openDirectory(1));
    const dispatcher = new Dispatcher(new Answers(false), fileSystem, handles);
    const body = packed([64, handle], [64, 0], [32, 4096], [32, 0], [64, 0], [32, 0], [32, 0]);
    dispatcher.handle(encodeRequest('readdirplus', body));
    await eventually(() => dispatcher.operations).toEqual({ readdirplus: 1 });
    expect([...fileSystem.references.entries()]).toEqual([
      [2, 0],
      [3, 0],
    ]);
  });
});

describe('requests out of order', () => {
  it('send an interrupt that comes before its request back to the kernel, to come again', () => {
    const answers = new Answers(true);
    const dispatcher = new Dispatcher(answers, new MemoryFileSystem({}), new Handles(NO_THREADS, undefined));
    dispatcher.handle(encodeRequest('interrupt', packed([64, 10]), { unique: 11n }));
    expect([...answers.errors]).toEqual([[11n, 11]]);
  });

  it('refuse what can not be read, and handles that are not open', async () => {
    const answers = new Answers(true);
    const dispatcher = new Dispatcher(answers, new MemoryFileSystem({}), new Handles(NO_THREADS, undefined));
    dispatcher.handle(encodeRequest('read', Buffer.alloc(3), { unique: 20n }));
    const body = packed([64, 99], [64, 0], [32, 10], [32, 0], [64, 0], [32, 0], [32, 0]);
    dispatcher.handle(encodeRequest('read', body, { unique: 22n }));
    dispatcher.handle(encodeRequest(4000, Buffer.alloc(0), { unique: 24n }));
    dispatcher.handle(Buffer.alloc(5));
    await eventually(() => [...answers.errors].sort()).toEqual([
      [20n, 5],
      [22n, 9],
      [24n, 38],
    ]);
  });
});

describe('one inode opened many times at once', () => {
  it('has its mode fixed by the first handle until the last is closed', async () => {
    const calls: string[] = [];
    const libc = {
      ioctl: (_fd: number, request: number) => {
        calls.push(request === 0x4010e501 ? 'open' : 'close');
        return 5;
      },
    };
    const passthrough = new Passthrough(3, libc);
    const complete: OpenFile = {
      size: 1,
      keepCache: true,
      read: () => Promise.resolve(Buffer.alloc(1)),
      passthroughFd: () => Promise.resolve(9),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const partial: OpenFile = { ...complete, passthroughFd: () => Promise.resolve(undefined) };
    expect(await passthrough.open(1, partial)).toBe(undefined);
    expect(await passthrough.open(1, complete)).toBe(undefined);
    await passthrough.release(1);
    expect(await passthrough.open(1, complete)).toBe(undefined);
    await passthrough.release(1);
    await passthrough.release(1);
    expect(await Promise.all([passthrough.open(1, complete), passthrough.open(1, partial), passthrough.open(1, complete)])).toEqual([
      5, 5, 5,
    ]);
    expect(calls).toEqual(['open']);
    for (let handle = 0; handle < 3; handle++) await passthrough.release(1);
    expect(calls).toEqual(['open', 'close']);
  });
});
