/**
 * The thread of a `Reader`: reads files with synchronous calls. Each asynchronous call costs a trip through the thread pool, about as much
 * as reading a small file does.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { Pace } from './pace.ts';
import { ReadState, type FileToRead, type ReadEnd, type ReadFault, type ReaderSettings, type ReadTask } from './read-task.ts';

const settings = workerData as ReaderSettings;
const state = new ReadState(settings.state);
const busy = new Int32Array(settings.busy);
const buffer = Buffer.allocUnsafeSlow(settings.readSize);
const pace = settings.bytesPerSecond === undefined ? undefined : new Pace(settings.bytesPerSecond, () => Atomics.load(busy, 0));

/** Opening a pipe that has taken the file's place would wait for a writer. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

parentPort?.on('message', (task: ReadTask) => {
  parentPort?.postMessage(readAll(task));
});

function readAll({ files }: ReadTask): ReadEnd {
  for (const [number, file] of files.entries()) {
    if (state.isStopped) break;
    state.position = { file: number, offset: 0 };
    const outcome = readFile(number, file);
    if (outcome === 'stopped') break;
    if (outcome !== 'read') return { ...state.position, fault: outcome };
    state.position = { file: number + 1, offset: 0 };
  }
  return state.position;
}

type Outcome = 'read' | 'stopped' | ReadFault;

function readFile(number: number, file: FileToRead): Outcome {
  let opened: number | undefined;
  try {
    opened = openSync(file.path, OPEN_FLAGS);
    return changeOf(opened, file) ?? readRange(opened, number, file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN';
    return { code, reason: reasonOf(code, error) };
  } finally {
    if (opened !== undefined) closeSync(opened);
  }
}

function changeOf(opened: number, { size, mtimeMs }: FileToRead): ReadFault | undefined {
  const found = fstatSync(opened);
  if (found.isDirectory()) return { code: 'EISDIR', reason: 'it is a directory now' };
  if (!found.isFile()) return { code: 'CHANGED', reason: 'it has changed since it was listed: it is no regular file any more' };
  if (found.size !== size) return changed(`it had ${size} bytes and has ${found.size}`);
  // Servers and clients keep fractions of a millisecond in different ways.
  if (Math.abs(found.mtimeMs - mtimeMs) >= 1) return changed(`it was of ${time(mtimeMs)} and is of ${time(found.mtimeMs)}`);
  return undefined;
}

function readRange(opened: number, number: number, { start, end }: FileToRead): Outcome {
  for (let at = start; at < end;) {
    const wanted = Math.min(buffer.length, end - at);
    if (pace !== undefined) state.pause(pace.wait(wanted, performance.now()));
    if (state.isStopped) return 'stopped';
    const length = readSync(opened, buffer, 0, wanted, at);
    if (length === 0) return { code: 'SHORT', reason: `it ended after ${at} bytes, and should have at least ${end}` };
    at += length;
    // Of the last bytes the next file's position tells.
    if (at < end) state.position = { file: number, offset: at - start };
  }
  return 'read';
}

function changed(how: string): ReadFault {
  return { code: 'CHANGED', reason: `it has changed since it was listed: ${how}` };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

function reasonOf(code: string, error: unknown): string {
  if (code === 'ENOENT') return 'it is not there any more';
  if (code === 'EACCES' || code === 'EPERM') return `permission to read it was denied (${code})`;
  return `it could not be read: ${error instanceof Error ? error.message : String(error)}`;
}
