import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../failure.ts';

/** `sun_path` of a Unix socket holds 108 bytes with the zero at its end. */
const LONGEST_SOCKET_PATH = 107;

const SOCKET_NAME = 'control.sock';
/** Holds the path of the socket when that is not in the cache directory. */
const POINTER_NAME = 'control.sock.path';

/** Where the socket of a cache belongs: in its directory, unless the path would be longer than the system takes. */
export async function prepareSocketPath(cacheDirectory: string, runtimeDirectory: string = defaultRuntimeDirectory()): Promise<string> {
  const pointer = join(cacheDirectory, POINTER_NAME);
  const natural = join(cacheDirectory, SOCKET_NAME);
  if (Buffer.byteLength(natural) <= LONGEST_SOCKET_PATH) {
    await rm(pointer, { force: true });
    return natural;
  }
  await mkdir(runtimeDirectory, { recursive: true, mode: 0o700 });
  await chmod(runtimeDirectory, 0o700);
  const digest = createHash('sha256').update(cacheDirectory).digest('hex').slice(0, 16);
  const short = join(runtimeDirectory, `${digest}.sock`);
  await writeFile(pointer, `${short}\n`, { mode: 0o600 });
  return short;
}

/** Where the socket of a cache is, if its owner has made one. */
export async function findSocketPath(cacheDirectory: string): Promise<string> {
  try {
    return (await readFile(join(cacheDirectory, POINTER_NAME), 'utf8')).trim();
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return join(cacheDirectory, SOCKET_NAME);
    throw error;
  }
}

/** `/run/warpdrive` for root; ordinary users have a directory of their own there. */
function defaultRuntimeDirectory(): string {
  const own = process.getuid?.() === 0 ? undefined : process.env['XDG_RUNTIME_DIR'];
  return join(own ?? '/run', 'warpdrive');
}
