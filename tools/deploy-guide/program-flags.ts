import { spawnSync } from 'node:child_process';
import type { Command } from './commands.ts';

/** Finds out by their own help what the product's programs take. */
export class ProgramFlags {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #helps = new Map<string, string>();

  /** @param environment with the programs on `PATH` */
  constructor(environment: NodeJS.ProcessEnv) {
    this.#environment = environment;
  }

  /** What is wrong with a command line, as far as its program's help says; undefined when nothing is. */
  fault({ words: [program = '', ...words] }: Command): string | undefined {
    const path: string[] = [];
    let help = this.#help(program, path);
    // Commands of commands have helps of their own.
    for (const word of words) {
      if (!/^[a-z]/.test(word) || (path.length > 0 && !isGroup(help))) break;
      path.push(word);
      help = this.#help(program, path);
      if (!help.startsWith(`Usage: ${[program, ...path].join(' ')} `)) return `${[program, ...path].join(' ')}: there is no such command`;
    }
    const unknown = words.filter((word) => word.startsWith('--')).map((word) => word.replace(/=.*/, ''));
    const flag = unknown.find((name) => !new RegExp(`(^|\\s)${name}(?![\\w-])`, 'm').test(help));
    return flag === undefined ? undefined : `${[program, ...path].join(' ')}: takes no ${flag}`;
  }

  #help(program: string, subcommand: readonly string[]): string {
    const key = [program, ...subcommand].join(' ');
    const known = this.#helps.get(key);
    if (known !== undefined) return known;
    const { error, stdout } = spawnSync(program, [...subcommand, '--help'], { encoding: 'utf8', env: this.#environment });
    const help = error === undefined ? stdout : '';
    this.#helps.set(key, help);
    return help;
  }
}

function isGroup(help: string): boolean {
  return /^Usage: .* \[command\]/.test(help);
}
