import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';

/** A program that takes part, and the command whose first line of output is its version. */
export type Peer = readonly [name: string, program: string, ...args: string[]];

/** What stands at the head of a report, a line each. */
export type Fact = readonly [name: string, value: string];

/** Tells of the machine, of Node, and of the programs that take part. */
export function describeMachine(peers: readonly Peer[]): readonly Fact[] {
  const processors = cpus();
  return [
    ['Processor', `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}`],
    ['Memory', `${(totalmem() / 1024 ** 3).toFixed(0)} GiB`],
    ['Kernel', release()],
    ['System', osName()],
    ['Node', process.version],
    ...peers.map(([name, command, ...args]) => [name, firstLine(command, args)] as const),
    ['Commit', firstLine('git', ['rev-parse', '--short', 'HEAD'])],
  ];
}

function osName(): string {
  return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown';
}

function firstLine(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n')[0] ?? '';
}
