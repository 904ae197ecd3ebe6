import { readFile } from 'node:fs/promises';

/** Where a secret is: configuration names it and never holds it. A file's trailing line break is not part of the secret. */
export type SecretSource = { readonly env: string } | { readonly file: string };

/** The secret's value. The error names the variable or the file, never the content. */
export async function readSecret(source: SecretSource): Promise<string> {
  const value = 'env' in source ? process.env[source.env] : await readSecretFile(source.file);
  if (value !== undefined && value !== '') return value;
  throw new Error('env' in source ? `environment variable ${source.env} is not set` : `file ${source.file} is empty`);
}

async function readSecretFile(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
  } catch (cause) {
    throw new Error(`file ${file} cannot be read (${String((cause as NodeJS.ErrnoException).code)})`, { cause });
  }
}
