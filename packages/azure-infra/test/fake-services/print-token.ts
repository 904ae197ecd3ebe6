import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROGRAM = fileURLToPath(new URL('programs/print-token.ts', import.meta.url));

/** The token that the default credential gets in a process of its own with these variables, and no others but PATH. */
export async function printToken(scope: string, environment: Readonly<Record<string, string>>): Promise<string> {
  const env = { PATH: process.env['PATH'], ...environment };
  return (await promisify(execFile)(process.execPath, [PROGRAM, scope], { env })).stdout;
}
