import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Throws unless files can be made in the cache directory: a full or read-only disk shows here. */
export async function checkDirectoryWritable(directory: string): Promise<void> {
  const probe = join(directory, `.health-${randomUUID()}`);
  try {
    await writeFile(probe, 'x', { flag: 'wx', mode: 0o600 });
  } finally {
    await rm(probe, { force: true });
  }
}

/**
 * Throws unless the mount answers. A child process asks, because a process that serves a mount must never wait for it: `stat -f` always
 * reaches the daemon, and so does the lookup of a name that nobody has asked for before.
 */
export async function checkMount(mountPoint: string, signal: AbortSignal): Promise<void> {
  const missing = join(mountPoint, `.health-${randomBytes(8).toString('hex')}`);
  const child = spawn('stat', ['-f', '-c', '%T', '--', mountPoint, missing], {
    cwd: '/',
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  // A child that was killed but hangs in the kernel is waited for, so that there is never a second one beside it.
  await new Promise<void>((resolve, reject) => {
    child.once('error', (error) => (child.pid === undefined ? reject(error) : undefined));
    child.once('close', () => resolve());
  });
  signal.throwIfAborted();
  // Exactly this: the mount has answered, and has answered that there is no such name.
  const complaints = errors.split('\n').filter((line) => line !== '');
  const answered = output.startsWith('fuse') && complaints.length === 1 && complaints[0]?.endsWith('No such file or directory') === true;
  if (!answered) throw new Error(complaints[0] ?? `${mountPoint} is not a FUSE mount but ${output.trim()}`);
}
