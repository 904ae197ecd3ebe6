import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** An error as the blob service answers it. */
export interface StorageError {
  readonly status: number;
  /** Of https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes */
  readonly code: string;
  readonly message: string;
  /** For 401: which check of the token failed. */
  readonly detail?: string;
}

/** Where a client without a good token is sent. */
const CHALLENGE =
  'Bearer authorization_uri=https://login.microsoftonline.com/common/oauth2/authorize resource_id=https://storage.azure.com';

/** Answers a request with an error: XML, and the code in a header too, because answers to HEAD have no body. */
export function sendStorageError(request: IncomingMessage, response: ServerResponse, error: StorageError): void {
  const id = randomUUID();
  const detail = error.detail === undefined ? '' : `<AuthenticationErrorDetail>${escapeXml(error.detail)}</AuthenticationErrorDetail>`;
  const message = escapeXml(`${error.message}\nRequestId:${id}\nTime:${new Date().toISOString()}`);
  const body = `\uFEFF<?xml version="1.0" encoding="utf-8"?><Error><Code>${error.code}</Code><Message>${message}</Message>${detail}</Error>`;
  const clientId = request.headers['x-ms-client-request-id'];
  const version = request.headers['x-ms-version'];
  response.writeHead(error.status, {
    'content-type': 'application/xml',
    'content-length': Buffer.byteLength(body),
    'x-ms-error-code': error.code,
    'x-ms-request-id': id,
    ...(typeof version === 'string' ? { 'x-ms-version': version } : {}),
    ...(typeof clientId === 'string' ? { 'x-ms-client-request-id': clientId } : {}),
    ...(error.status === 401 ? { 'www-authenticate': CHALLENGE } : {}),
  });
  response.end(body);
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
