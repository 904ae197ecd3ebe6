#!/usr/bin/env node
// In a clone of the repository this runs the TypeScript source; in the published package, which ships no source, the build.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../src/main.ts', import.meta.url));
if (!existsSync(source)) {
  await import('../dist/main.js');
} else if (typeof process.execve === 'function') {
  // Replaces this process, so that signals, exit code and pid are those of the program itself.
  process.execve(process.execPath, [process.execPath, '--conditions=@warpforge/source', source, ...process.argv.slice(2)], process.env);
} else {
  console.error(
    'warpdrive: needs Node 22.18 or newer, this is ' + process.version + '. From the repository root, "npx warpdrive" uses the pinned one.',
  );
  process.exitCode = 1;
}
