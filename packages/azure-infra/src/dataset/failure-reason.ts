import { storageErrorCode } from '../storage-error.ts';

/** What to do about faults that people meet. Codes: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes */
const ADVICE: Readonly<Record<string, string>> = {
  ContainerNotFound: 'there is no such container; "warpforge-infra provision" makes it',
  ContainerBeingDeleted: 'the container is being deleted; try again in a minute',
  AuthorizationFailure: "the account's network rules do not let this machine in, or the caller has no right to it",
  AuthenticationFailed: 'the access token was refused; sign in again with "az login", and check the clock of this machine',
  InvalidAuthenticationInfo: 'the access token was refused; sign in again with "az login", and check the clock of this machine',
  KeyBasedAuthenticationNotPermitted: 'the account takes no keys; sign in with "az login"',
  Md5Mismatch: 'the bytes that arrived are not those that were sent',
  InvalidBlobOrBlock:
    'another program has left unfinished blocks of this blob; "az storage blob upload" of any file to this name discards them, and the service does so after a week',
};

/** Why something failed, in one line. */
export function failureReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = storageErrorCode(error);
  const status = 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined;
  const [firstLine = ''] = error.message.split('\n', 1);
  if (status !== undefined && code !== undefined) return `${ADVICE[code] ?? firstLine} (${status} ${code})`;
  if (status !== undefined) return `the service answers with status ${status}`;
  // The chain of credentials fails with an error of one line each.
  if (/Credential|Authentication/.test(error.name)) return `could not sign in to Azure: run "az login" (${firstLine})`;
  return firstLine;
}
