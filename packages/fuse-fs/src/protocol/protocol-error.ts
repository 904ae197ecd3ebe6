/** Bytes that are not a request of the FUSE protocol. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code = 'FUSE_PROTOCOL';
  /** Identity of the broken request, where its header could be read: it can still be refused. */
  readonly unique: bigint | undefined;

  constructor(message: string, unique?: bigint) {
    super(`FUSE protocol: ${message}`);
    this.unique = unique;
  }
}
