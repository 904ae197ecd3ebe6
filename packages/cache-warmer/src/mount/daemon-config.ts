import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { MountError } from '../errors.ts';

// The daemon checks the whole of it; here only what tells where things are is looked at. Its defaults are the daemon's.
const configSchema = z.looseObject({
  mount_point: z.string().startsWith('/').default('/wd'),
  backends: z.array(z.looseObject({ name: z.string(), mount_path: z.string().optional() })),
});

/** Where a daemon's configuration says that a backend is found. */
export interface DaemonPlace {
  /** Absolute path at which the daemon mounts. */
  readonly mountPoint: string;
  /** Of the backend, below that. */
  readonly mountPath: string;
}

/** Reads where a backend is found from the daemon's configuration. @throws {MountError} */
export async function readDaemonPlace(file: string, backend: string, signal: AbortSignal): Promise<DaemonPlace> {
  let value: unknown;
  try {
    value = parse(await readFile(file, { encoding: 'utf8', signal }));
  } catch (cause) {
    signal.throwIfAborted();
    throw new MountError(`the configuration of the Warpforge daemon cannot be read from ${file}: ${String(cause)}`, { cause });
  }
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) throw new MountError(`${file} is no configuration of the Warpforge daemon: ${z.prettifyError(parsed.error)}`);
  const { mount_point: mountPoint, backends } = parsed.data;
  const found = backends.find(({ name }) => name === backend);
  if (found === undefined) {
    throw new MountError(`${file} has no backend ${backend}; it has ${backends.map(({ name }) => name).join(', ') || 'none'}`);
  }
  return { mountPoint, mountPath: found.mount_path ?? `/${backend}` };
}
