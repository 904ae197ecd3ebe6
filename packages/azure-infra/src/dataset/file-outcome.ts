/** What became of a file that is in its container now. */
export interface FileOutcome {
  readonly size: number;
  /** Base64, as the service shows it. */
  readonly md5: string;
  /** `present`: the blob was there already, with the same length and MD5. */
  readonly outcome: 'uploaded' | 'present';
  /** Bytes that were sent; the rest was there. */
  readonly sentBytes: number;
}
