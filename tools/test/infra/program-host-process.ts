/**
 * Runs command lines of a program one after another in this process, so that its modules are loaded once. `process.argv[2]` is the module
 * that exports `runProgram`; each message is a {@link CommandLine}, answered by how it has ended.
 */
import { readFileSync } from 'node:fs';
import { setDefaultCACertificates } from 'node:tls';
import type { CommandLine } from './program-host.ts';

interface Program {
  readonly runProgram: (args: readonly string[]) => Promise<number>;
}

const { runProgram } = (await import(process.argv[2] ?? '')) as Program;
const printed = { stdout: '', stderr: '' };
for (const name of ['stdout', 'stderr'] as const) {
  process[name].write = (text: string | Uint8Array) => {
    printed[name] += typeof text === 'string' ? text : Buffer.from(text).toString();
    return true;
  };
}

process.on('message', ({ args, cwd, env }: CommandLine) => {
  Object.assign(printed, { stdout: '', stderr: '' });
  // Of the process itself, not of a copy: the system's own functions look at it, too.
  for (const name of Object.keys(process.env)) if (env[name] === undefined) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, env);
  // Node reads this variable at its start only.
  const authority = env['NODE_EXTRA_CA_CERTS'];
  setDefaultCACertificates(authority === undefined ? [] : [readFileSync(authority, 'utf8')]);
  process.chdir(cwd);
  process.exitCode = undefined;
  void runProgram(args).then((code) => process.send?.({ code, signal: null, ...printed }));
});
process.send?.('ready');
