import { createHmac } from 'node:crypto';
import type { PipelinePolicy, PipelineRequest } from '@azure/core-rest-pipeline';

/**
 * Signs requests without a body by the account key.
 *
 * Source: "Authorize with Shared Key", https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
 */
export function sharedKeyPolicy(account: string, accountKey: string): PipelinePolicy {
  const key = Buffer.from(accountKey, 'base64');
  return {
    name: 'sharedKey',
    sendRequest(request, next) {
      request.headers.set('x-ms-date', new Date().toUTCString());
      const signature = createHmac('sha256', key).update(stringToSign(account, request), 'utf8').digest('base64');
      request.headers.set('authorization', `SharedKey ${account}:${signature}`);
      return next(request);
    },
  };
}

function stringToSign(account: string, request: PipelineRequest): string {
  const header = (name: string): string => request.headers.get(name) ?? '';
  const url = new URL(request.url);
  const microsoftHeaders = [...request.headers]
    .filter(([name]) => name.startsWith('x-ms-'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value.trim()}`);
  const query = [...url.searchParams].map(([name, value]) => `${name.toLowerCase()}:${value}`).sort();
  return [
    request.method,
    // Content-Encoding, -Language, -Length, -MD5, -Type: there is no body. Date: x-ms-date takes its place.
    ...['', '', '', '', '', ''],
    ...[header('if-modified-since'), header('if-match'), header('if-none-match'), header('if-unmodified-since')],
    header('range'),
    ...microsoftHeaders,
    `/${account}${url.pathname}`,
    ...query,
  ].join('\n');
}
