/** What a check before a deployment has found. */
export interface Finding {
  /** Stable identifier of the check, such as `INFRA_CHECK_QUOTA`. */
  readonly rule: string;
  /** An error would make the deployment fail, or leave it open to everyone; a warning may. */
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** What to do. */
  readonly suggestion: string;
}
