/** Debian's own Python, which its packages of modules belong to, whatever other Python comes first on PATH. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const PYTHON = '/usr/bin/python3';
const MODULES = '/usr/lib/python3/dist-packages';

/** Whether Debian's package of a module is installed. */
export function hasPythonModule(name: string): boolean {
  return existsSync(`${MODULES}/${name}`);
}

/** Runs a program with JSON on its standard input, and parses the JSON it prints. */
export function debianPython(program: string, input: unknown): unknown {
  const output = execFileSync(PYTHON, ['-c', program], { input: JSON.stringify(input), encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(output);
}
