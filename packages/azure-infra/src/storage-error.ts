/**
 * The code of a fault that Storage reports, such as `ContainerNotFound`; undefined for any other error. It stands in the body of the
 * answer, and in a header where there is no body.
 *
 * Codes: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
 */
export function storageErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const details: unknown = 'details' in error ? error.details : undefined;
  const fromHeader: unknown = typeof details === 'object' && details !== null && 'errorCode' in details ? details.errorCode : undefined;
  const code = 'code' in error ? error.code : undefined;
  return [fromHeader, code].find((value) => typeof value === 'string');
}
