const DNS_CODES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host name does not exist; check the account name and the endpoint',
  EAI_AGAIN: 'the name server does not answer; check the DNS of this machine',
  EAI_NODATA: 'the host name has no address; check the DNS of this machine',
};

const NETWORK_CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused; check the endpoint and whether the server runs',
  ECONNRESET: 'the connection was reset',
  ECONNABORTED: 'the connection was aborted',
  EPIPE: 'the connection was closed',
  ETIMEDOUT: 'the connection timed out; check the network and firewalls in between',
  EHOSTUNREACH: 'the host cannot be reached; check the network',
  ENETUNREACH: 'the network cannot be reached; check the network',
  ENETDOWN: 'the network is down',
  EADDRNOTAVAIL: 'no local port is free; fetch less at once',
  UND_ERR_SOCKET: 'the connection broke',
  REQUEST_SEND_ERROR: 'the request could not be sent',
};

const TLS_CODES =
  /^(ERR_TLS_|ERR_SSL_|CERT_|EPROTO$|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|INVALID_CA$|HOSTNAME_MISMATCH$|PATH_LENGTH_EXCEEDED$)/;

/** What the sign-in library says when its server cannot be reached; it drops the system's code. */
const SIGN_IN_CODES = new Set(['network_error', 'endpoints_resolution_error', 'openid_config_error']);

/** What was in the way. */
export interface NetworkFailure {
  readonly kind: 'dns' | 'tls' | 'network';
  readonly message: string;
}

/** Finds what the network did in an error, its causes and its parts; undefined when the network is not to blame. */
export function networkFailure(error: unknown, depth = 0): NetworkFailure | undefined {
  // Causes can be circular; no library nests deeper.
  if (!(error instanceof Error) || depth > 8) return undefined;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const dns = DNS_CODES[code];
  if (dns !== undefined) return { kind: 'dns', message: `${dns} (${code})` };
  if (TLS_CODES.test(code)) {
    return { kind: 'tls', message: `the certificate or TLS handshake failed (${code}); a private CA is given by NODE_EXTRA_CA_CERTS` };
  }
  const network = NETWORK_CODES[code];
  if (network !== undefined) return { kind: 'network', message: `${network} (${code})` };
  if ('errorCode' in error && typeof error.errorCode === 'string' && SIGN_IN_CODES.has(error.errorCode)) {
    return { kind: 'network', message: `the sign-in server cannot be reached (${error.errorCode})` };
  }
  const parts = error instanceof AggregateError ? (error.errors as readonly unknown[]) : [];
  for (const inner of [error.cause, ...parts]) {
    const found = networkFailure(inner, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
