import { join } from 'node:path';
import { InfraError } from '../errors.ts';
import { KEYGEN, parseSshPublicKey } from './ssh-public-key.ts';

/** Where a public key is looked for. */
export interface SshPublicKeyOptions {
  /** The file that was given; undefined: the usual ones. */
  readonly file: string | undefined;
  /** Home of the user. */
  readonly home: string;
  /** Reads a file as text; rejects with the code `ENOENT` when there is none. */
  readonly readFile: (file: string) => Promise<string>;
}

/** In this order, as OpenSSH itself prefers them. */
const USUAL_FILES = ['id_ed25519.pub', 'id_rsa.pub'];

/**
 * The public key that may sign in to a VM, on one line.
 *
 * @throws {InfraError} `INFRA_SSH_KEY_MISSING` or `INFRA_SSH_KEY_INVALID`; the first line says what is wrong, the next what to do.
 */
export async function readSshPublicKey({ file, home, readFile }: SshPublicKeyOptions): Promise<string> {
  const candidates = file === undefined ? USUAL_FILES.map((name) => join(home, '.ssh', name)) : [file.replace(/^~(?=\/)/, home)];
  for (const candidate of candidates) {
    const text = await readIfThere(candidate, readFile);
    if (text !== undefined) return parse(candidate, text);
  }
  throw new InfraError(
    'INFRA_SSH_KEY_MISSING',
    `there is no public SSH key: ${candidates.join(' and ')} ${candidates.length === 1 ? 'does' : 'do'} not exist\nmake one with "${KEYGEN}", or give its file with SSH_PUBLIC_KEY`,
  );
}

async function readIfThere(file: string, readFile: SshPublicKeyOptions['readFile']): Promise<string | undefined> {
  try {
    return await readFile(file);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InfraError(
      'INFRA_SSH_KEY_INVALID',
      `the file of the public SSH key cannot be read: ${reason}\ngive another file with SSH_PUBLIC_KEY, or make a key with "${KEYGEN}"`,
      [],
      { cause },
    );
  }
}

function parse(file: string, text: string): string {
  try {
    return parseSshPublicKey(text).line;
  } catch (error) {
    if (!(error instanceof InfraError)) throw error;
    throw new InfraError(error.code, `${file}: ${error.message}`, [], { cause: error });
  }
}
