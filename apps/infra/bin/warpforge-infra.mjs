#!/usr/bin/env node
// In a clone of the repository this runs the TypeScript source; in the published package, which ships no source, the build.
import { existsSync } from 'node:fs';
import nodeModule from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../src/main.ts', import.meta.url));
if (!existsSync(source)) {
  nodeModule.enableCompileCache?.();
  await import('../dist/main.js');
} else if (typeof process.execve === 'function') {
  // Where Node itself keeps compiled code when nothing else is said. With it a start takes a third of the time: no types to take out.
  const env = { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'), ...process.env };
  // Replaces this process, so that signals, exit code and pid are those of the program itself.
  process.execve(process.execPath, [process.execPath, '--conditions=@warpforge/source', source, ...process.argv.slice(2)], env);
} else {
  console.error(
    'warpforge-infra: needs Node 22.18 or newer, this is ' +
      process.version +
      '. From the repository root, "npx warpforge-infra" uses the pinned one.',
  );
  process.exitCode = 1;
}
