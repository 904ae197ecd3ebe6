import { writeFile } from 'node:fs/promises';
import { shellWord } from './shell-word.ts';

type Variables = Readonly<Record<string, string>>;

/** Among the variables are secrets of this user's processes. */
const FOR_THE_OWNER = { mode: 0o600 };

/** Writes variables as a script that a shell reads with `. FILE`, which also puts a folder first on its `PATH`. */
export async function writeExports(file: string, variables: Variables, binDirectory: string): Promise<void> {
  const lines = assignments(variables).map((line) => `export ${line}\n`);
  await writeFile(file, [...lines, `export PATH=${shellWord(binDirectory)}":$PATH"\n`].join(''), FOR_THE_OWNER);
}

/** Writes variables as lines `NAME='value'`, for a shell and for systemd's `EnvironmentFile=` alike. */
export async function writeEnvironmentFile(file: string, variables: Variables): Promise<void> {
  await writeFile(file, `${assignments(variables).join('\n')}\n`, FOR_THE_OWNER);
}

function assignments(variables: Variables): string[] {
  return Object.entries(variables).map(([name, value]) => `${name}=${shellWord(value)}`);
}
