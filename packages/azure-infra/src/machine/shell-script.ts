import { readFileSync } from 'node:fs';
import { MachineError } from './errors.ts';
import type { VmFile } from './vm-files.ts';

/** A script for the POSIX shell: settings as variables, then texts one after the other. */
export function shellScript(settings: Readonly<Record<string, string>>, ...texts: readonly string[]): string {
  return ['#!/bin/sh\n' + assignments(settings), ...texts].join('\n');
}

/** One of the scripts of this package. In the package as in the repository they lie under src, beside which dist is. */
export function shellText(name: string): string {
  return readFileSync(new URL(`../../src/machine/scripts/${name}.sh`, import.meta.url), 'utf8');
}

function assignments(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${quoted(value)}\n`)
    .join('');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The end of a text in a script; no text has such a line. */
const END = 'END_OF_FILE_OF_WARPFORGE';

/** The function `write_files`, which writes them where they are not yet what they should be. */
export function writeFiles(files: readonly VmFile[]): string {
  const puts = files.map(({ path, mode, content }) => `put ${path} ${mode} <<'${END}'\n${content}${END}\n`);
  return `write_files() {\n${puts.join('')}}\n`;
}

/** A function that prints lines. */
export function printLines(name: string, lines: readonly string[]): string {
  return `${name}() {\ncat <<'${END}'\n${lines.map((line) => `${line}\n`).join('')}${END}\n}\n`;
}

const SAFE_PATH = /^(\/[A-Za-z0-9_][A-Za-z0-9._-]*)+$/;

/** @throws {MachineError} `MACHINE_OPTION_INVALID` where a path could not stand in a shell script, in fstab and in a unit alike. */
export function checkedPath(what: string, path: string): string {
  if (SAFE_PATH.test(path)) return path;
  throw new MachineError(
    'MACHINE_OPTION_INVALID',
    `the ${what} of a VM must be an absolute path of letters, digits, dots, dashes and underscores, this is ${JSON.stringify(path)}`,
  );
}
