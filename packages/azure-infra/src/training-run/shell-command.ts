/** A word for the POSIX shell, whatever is in it. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Where the setup of a VM puts the programs; not every login has it on its PATH. */
const PROGRAM_FOLDER = '/usr/local/bin';

/** How a command is run. */
export interface ShellCommandOptions {
  /** Folders of programs that come before all others. */
  readonly programFolders: readonly string[];
  /** Lets the program open as many files as the system allows: a daemon has one for each cached file that is read. */
  readonly manyFiles?: boolean;
}

/** A script of the POSIX shell that becomes one program. */
export function shellCommand(words: readonly string[], { programFolders, manyFiles = false }: ShellCommandOptions): string {
  return [
    `PATH=${programFolders.map((folder) => `${shellWord(folder)}:`).join('')}$PATH:${PROGRAM_FOLDER}`,
    'export PATH',
    // Not of POSIX, but of every shell that is sh on a Linux machine.
    ...(manyFiles ? ['# shellcheck disable=SC3045', 'ulimit -n "$(ulimit -H -n)"'] : []),
    `exec ${words.map(shellWord).join(' ')}`,
    '',
  ].join('\n');
}
