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
    const [first = ''] = words;
    const isSubcommand = /^[a-z]/.test(first);
    const command = isSubcommand ? `${program} ${first}` : program;
    const help = this.#help(program, isSubcommand ? [first] : []);
    if (!help.startsWith(`Usage: ${command} `)) return `${command}: there is no such command`;
    const unknown = words.filter((word) => word.startsWith('--')).map((word) => word.replace(/=.*/, ''));
    const flag = unknown.find((name) => !new RegExp(`(^|\\s)${name}(?![\\w-])`, 'm').test(help));
    return flag === undefined ? undefined : `${command}: takes no ${flag}`;
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
