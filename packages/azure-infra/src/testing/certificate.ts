import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate of its own for `127.0.0.1` and `localhost`, as text and as files. Disposing removes the files. */
export interface Certificate extends AsyncDisposable {
  /** PEM. It signs itself, so it is also the authority that clients must be told to trust. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** What `NODE_EXTRA_CA_CERTS` names. */
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Makes a certificate that nobody trusts yet, with files in a temporary folder. The npm package `selfsigned` must be installed. */
export async function makeCertificate(): Promise<Certificate> {
  // Only here: a double that is used in process needs no certificate, and so not the package either.
  const { generate } = await import('selfsigned');
  const { cert, private: key } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    // Made in a millisecond, where RSA takes a second.
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 7, ip: '127.0.0.1' },
          { type: 2, value: 'localhost' },
        ],
      },
    ],
  });
  const directory = await mkdtemp(join(tmpdir(), 'warpforge-certificate-'));
  const certificateFile = join(directory, 'certificate.pem');
  const keyFile = join(directory, 'key.pem');
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    await writeFile(certificateFile, cert);
    await writeFile(keyFile, key, { mode: 0o600 });
  } catch (error) {
    await remove();
    throw error;
  }
  return { cert, key, certificateFile, keyFile, [Symbol.asyncDispose]: remove };
}
