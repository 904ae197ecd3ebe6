import { linkSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** As in the example of the CacheWarmer's document. */
export const EXPORT_PATH = '/animation';
/** What is warmed below the export. */
export const TARGET_PATH = '/scene1';

/** As the frames and textures of a scene. */
const SMALL_BYTES = 16 * 1024;
const FILES_PER_FOLDER = 500;
/** Large enough to be cut: above 100 MiB, and sparse, so that it takes no space. */
const LARGE_BYTES = 2_000 * 1024 * 1024;
const LARGE_FILES = 1;
/** Left out by the job's filter. */
const LEFT_OUT = 10;

/** Makes a folder for each of two cache nodes, with the same files: small ones, a large one, and some that the job leaves out. @returns both. */
export function makeCacheNodes(folder: string, files: number): readonly [string, string] {
  const nodes = [join(folder, 'cache-node-1'), join(folder, 'cache-node-2')] as const;
  const [first, second] = nodes.map((node) => join(node, EXPORT_PATH, TARGET_PATH));
  const content = Buffer.alloc(SMALL_BYTES, 'frame');
  const make = (name: string, fill: (path: string) => void): void => {
    const [path, linked] = [join(first ?? '', name), join(second ?? '', name)];
    for (const one of [path, linked]) mkdirSync(join(one, '..'), { recursive: true });
    fill(path);
    linkSync(path, linked);
  };
  for (let file = 0; file < files; file++) {
    make(`frames-${Math.floor(file / FILES_PER_FOLDER)}/frame-${file}.exr`, (path) => writeFileSync(path, content));
  }
  for (let file = 0; file < LARGE_FILES; file++) {
    make(`caches/simulation-${file}.bgeo`, (path) => {
      writeFileSync(path, '');
      truncateSync(path, LARGE_BYTES);
    });
  }
  for (let file = 0; file < LEFT_OUT; file++) make(`frames-0/frame-${file}.tmp`, (path) => writeFileSync(path, content));
  return nodes;
}
