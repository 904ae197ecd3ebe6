/** What a storage connection string says. */
export interface ConnectionString {
  readonly account: string | undefined;
  readonly accountKey: string | undefined;
  readonly sas: string | undefined;
  readonly endpoint: string | undefined;
}

/**
 * Reads `Name=value;Name=value`, as the Azure portal and `az storage account show-connection-string` give it.
 * Errors say what is missing and never repeat the string.
 */
export function parseConnectionString(text: string): ConnectionString {
  const values = new Map<string, string>();
  for (const part of text.trim().split(';')) {
    const equals = part.indexOf('=');
    if (equals > 0) values.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim());
  }

  const account = values.get('accountname');
  const accountKey = values.get('accountkey');
  const sas = values.get('sharedaccesssignature');
  if (accountKey === undefined && sas === undefined)
    throw new Error('the connection string has neither AccountKey nor SharedAccessSignature');
  if (accountKey !== undefined && account === undefined) throw new Error('the connection string has an AccountKey but no AccountName');

  const protocol = values.get('defaultendpointsprotocol') ?? 'https';
  const suffix = values.get('endpointsuffix');
  const derived = account === undefined || suffix === undefined ? undefined : `${protocol}://${account}.blob.${suffix}`;
  return { account, accountKey, sas, endpoint: values.get('blobendpoint') ?? derived };
}
