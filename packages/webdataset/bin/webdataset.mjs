#!/usr/bin/env node
// In a clone of the repository this runs the TypeScript source; the published package, which has no tsconfig.json, runs its build.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const inRepository = existsSync(fileURLToPath(new URL('../tsconfig.json', import.meta.url)));
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major > 22 || (major === 22 && minor >= 18)) {
  await import(inRepository ? '../src/cli/main.ts' : '../dist/cli/main.js');
} else {
  console.error(
    'webdataset: needs Node 22.18 or newer, this is ' +
      process.version +
      (inRepository ? '. From the repository root, "npx webdataset" uses the pinned one.' : '.'),
  );
  process.exitCode = 1;
}
