import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';

/** A certificate of its own for 127.0.0.1, as text and as files. */
export interface TestCertificate extends Disposable {
  readonly cert: string;
  readonly key: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Makes a certificate that nobody trusts yet. */
export async function makeCertificate(): Promise<TestCertificate> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  });
  const directory = mkdtempSync(join(tmpdir(), 'certificate-test-'));
  const certificateFile = join(directory, 'certificate.pem');
  const keyFile = join(directory, 'key.pem');
  writeFileSync(certificateFile, cert);
  writeFileSync(keyFile, key, { mode: 0o600 });
  return { cert, key, certificateFile, keyFile, [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
}
