#!/usr/bin/env node
// In a clone of the repository this runs the TypeScript source; in the published package, which ships no source, the build.
import { existsSync } from 'node:fs';
import nodeModule from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Compiled code is kept between starts, which then take a third of the time. In the user's own folder: what lies in a shared one, as Node's
// default does, others could have put there.
const compiled = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'warpforge', 'compiled');

const source = fileURLToPath(new URL('../src/main.ts', import.meta.url));
if (!existsSync(source)) {
  nodeModule.enableCompileCache?.(process.env.NODE_COMPILE_CACHE || compiled);
  await import('../dist/main.js');
} else if (typeof process.execve === 'function') {
  const env = { NODE_COMPILE_CACHE: compiled, ...process.env };
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
