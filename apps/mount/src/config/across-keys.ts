import { relative } from 'node:path';

/** With fewer blocks there is nothing to evict while others are read. */
const LEAST_BLOCKS = 4;

/** A fault and the key to blame. */
export interface KeyFault {
  readonly path: (string | number)[];
  readonly message: string;
}

/** Faults that no key shows alone. Other keys may be faulty at the same time: nothing in `config` is certain to be what it should. */
export function* faultsAcrossKeys(config: unknown): Iterable<KeyFault> {
  const low = at(config, 'cache', 'evict_low_water');
  const high = at(config, 'cache', 'evict_high_water');
  if (typeof low === 'number' && typeof high === 'number' && low >= high) {
    yield { path: ['cache', 'evict_low_water'], message: `must be less than evict_high_water (${high})` };
  }
  const maxSize = at(config, 'cache', 'max_size');
  const blockSize = at(config, 'cache', 'block_size');
  if (typeof maxSize === 'number' && typeof blockSize === 'number' && maxSize < LEAST_BLOCKS * blockSize) {
    yield { path: ['cache', 'max_size'], message: `must be at least ${LEAST_BLOCKS} times block_size` };
  }
  const mountPoint = at(config, 'mount_point');
  const cachePath = at(config, 'cache', 'path');
  if (mountPoint === '/') yield { path: ['mount_point'], message: 'must not be the root directory' };
  else if (typeof mountPoint === 'string' && typeof cachePath === 'string') {
    if (isWithin(cachePath, mountPoint)) yield { path: ['cache', 'path'], message: `must not lie below the mount point ${mountPoint}` };
    else if (isWithin(mountPoint, cachePath))
      yield { path: ['mount_point'], message: `must not lie below the cache directory ${cachePath}` };
  }
  const backends = at(config, 'backends');
  if (Array.isArray(backends)) yield* faultsAcrossBackends(backends, mountPoint);
}

function* faultsAcrossBackends(backends: readonly unknown[], mountPoint: unknown): Iterable<KeyFault> {
  const names = new Map<string, number>();
  const mountPaths = new Map<string, number>();
  for (const [index, backend] of backends.entries()) {
    const name = at(backend, 'name');
    if (typeof name === 'string') {
      const first = names.get(name);
      if (first !== undefined) yield { path: ['backends', index, 'name'], message: `"${name}" is the name of backends[${first}] already` };
      names.set(name, first ?? index);
    }
    const mountPath = at(backend, 'mount_path');
    if (typeof mountPath === 'string') {
      const first = mountPaths.get(mountPath);
      if (first !== undefined)
        yield { path: ['backends', index, 'mount_path'], message: `${mountPath} is the mount_path of backends[${first}] already` };
      mountPaths.set(mountPath, first ?? index);
    }
    const folder = at(backend, 'config', 'path');
    if (typeof folder === 'string' && typeof mountPoint === 'string' && mountPoint !== '/' && isWithin(folder, mountPoint)) {
      yield { path: ['backends', index, 'config', 'path'], message: `must not lie below the mount point ${mountPoint}` };
    }
  }
}

function at(value: unknown, ...keys: readonly string[]): unknown {
  let current = value;
  for (const key of keys) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = Reflect.get(current, key);
  }
  return current;
}

/** Whether `path` is `directory` or lies below it. */
function isWithin(path: string, directory: string): boolean {
  const inner = relative(directory, path);
  return inner !== '..' && !inner.startsWith('../');
}
