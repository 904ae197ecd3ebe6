/**
 * One reader of requests: a loop that blocks in read(2) on `/dev/fuse`. This takes a third of the time that a callback read takes for a
 * request, but a thread that blocks has no event loop: what comes from the main thread is fetched synchronously from a port.
 *
 * A READ whose bytes lie verified in the cache is answered here. Everything else goes to the main thread, which answers on the same
 * descriptor.
 */
import { readSync, writevSync } from 'node:fs';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
// Only this part of the cache: each thread would load all of it anew, at ten times the time and 20 MB of memory.
import { readVerified, type ThreadView } from '@warpforge/block-cache/thread-view';
import { IN_HEADER_SIZE, Opcode, OUT_HEADER_SIZE } from '../protocol/constants.ts';
import { writeHeader } from '../protocol/replies.ts';
import { errorCode } from './command.ts';
import { ReaderCounter, type HandleMessage, type ReaderMessage, type ReaderSetup } from './reader-protocol.ts';

/** The port is also emptied every so many requests, so that closed handles don't pile up in a thread that knows all open ones. */
const DRAIN_INTERVAL = 256;

/** The kernel took back the request that it was handing out, or a signal came: read again. */
const READ_AGAIN: ReadonlySet<string> = new Set(['ENOENT', 'EINTR', 'EAGAIN']);
/** Unmounted, or the connection was aborted. */
const CONNECTION_ENDED: ReadonlySet<string> = new Set(['ENODEV', 'ECONNABORTED']);

if (parentPort === null) throw new Error('this module is the entry of a worker thread');
const port = parentPort;
const setup = workerData as ReaderSetup;
const counters = new BigInt64Array(setup.counters);
const request = Buffer.alloc(setup.requestBufferSize);
const header = Buffer.alloc(OUT_HEADER_SIZE);
const data = Buffer.alloc(setup.maxReadSize);
const views = new Map<number, ThreadView>();

function post(message: ReaderMessage): void {
  if (typeof message === 'string') port.postMessage(message);
  else port.postMessage(message, [message.buffer]);
}

/** Takes what the main thread said about handles. It says so before the kernel learns of the handle, so nothing is ever missing. */
function drain(): void {
  for (let received = receiveMessageOnPort(port); received !== undefined; received = receiveMessageOnPort(port)) {
    const { handle, view } = received.message as HandleMessage;
    if (view === undefined) views.delete(handle);
    else views.set(handle, view);
    Atomics.add(counters, ReaderCounter.drained, 1n);
  }
}

function viewOf(handle: number): ThreadView | undefined {
  const view = views.get(handle);
  if (view !== undefined) return view;
  drain();
  return views.get(handle);
}

/** Answers a READ from the cache; false if that is not possible. Field offsets are those of `struct fuse_read_in`. */
function serveRead(): boolean {
  const view = viewOf(request.readUInt32LE(IN_HEADER_SIZE) + request.readUInt32LE(IN_HEADER_SIZE + 4) * 2 ** 32);
  const size = request.readUInt32LE(IN_HEADER_SIZE + 16);
  if (view === undefined || size > data.length) return false;
  const offset = request.readUInt32LE(IN_HEADER_SIZE + 8) + request.readUInt32LE(IN_HEADER_SIZE + 12) * 2 ** 32;
  const read = readVerified(view, offset, size, data);
  if (read < 0) return false;
  writeHeader(header, request.readBigUInt64LE(8), 0, read);
  try {
    writevSync(setup.fd, read === 0 ? [header] : [header, data.subarray(0, read)]);
  } catch (error) {
    // ENOENT: the reader was killed meanwhile. An ended connection is met again by the next read.
    if (errorCode(error) !== 'ENOENT' && !CONNECTION_ENDED.has(errorCode(error))) throw error;
  }
  Atomics.add(counters, ReaderCounter.reads, 1n);
  Atomics.add(counters, ReaderCounter.bytes, BigInt(read));
  return true;
}

/** Reads one request into the buffer; its length, or undefined when the connection has ended. */
function nextRequest(): number | undefined {
  for (;;) {
    try {
      const length = readSync(setup.fd, request);
      if (length < IN_HEADER_SIZE) throw new Error(`a request of ${length} bytes was read from the device`);
      return length;
    } catch (error) {
      if (CONNECTION_ENDED.has(errorCode(error))) return undefined;
      if (!READ_AGAIN.has(errorCode(error))) throw error;
    }
  }
}

post('ready');
let untilDrain = DRAIN_INTERVAL;
for (let length = nextRequest(); length !== undefined; length = nextRequest()) {
  if (--untilDrain === 0) {
    untilDrain = DRAIN_INTERVAL;
    drain();
  }
  if (request.readUInt32LE(4) === Opcode.read && serveRead()) continue;
  post(new Uint8Array(request.subarray(0, length)));
}
