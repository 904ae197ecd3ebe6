import { describePlace, type ContainerTarget } from './container-target.ts';
import type { FileOutcome } from './file-outcome.ts';

/** A file that is in its container. */
export interface UploadedFile extends FileOutcome {
  readonly target: ContainerTarget;
  /** Name of the blob. */
  readonly blob: string;
}

/** A file that is not in its container, or not as it is here. */
export interface UploadFailure {
  readonly target: ContainerTarget;
  /** Name of the blob. */
  readonly blob: string;
  /** In one line. */
  readonly reason: string;
}

/** More would push what matters off the screen; `failures` has all. */
const SHOWN = 20;

/** `INFRA_UPLOAD_FAILED`: not everything could be uploaded. */
export class DatasetUploadError extends Error {
  override readonly name = 'DatasetUploadError';
  readonly code = 'INFRA_UPLOAD_FAILED';
  readonly failures: readonly UploadFailure[];
  /** What is in its container. */
  readonly uploaded: readonly UploadedFile[];

  constructor(failures: readonly UploadFailure[], uploaded: readonly UploadedFile[]) {
    const lines = failures.slice(0, SHOWN).map(({ target, blob, reason }) => `  ${describePlace(target, blob)}: ${reason}`);
    if (failures.length > SHOWN) lines.push(`  … and ${failures.length - SHOWN} more`);
    super(
      [
        `${failures.length} of ${failures.length + uploaded.length} files could not be uploaded; run the same command again, it skips what is there:`,
        ...lines,
      ].join('\n'),
    );
    this.failures = failures;
    this.uploaded = uploaded;
  }
}

/** `INFRA_VERIFY_FAILED`: what is in a container could not be found out. */
export class DatasetVerifyError extends Error {
  override readonly name = 'DatasetVerifyError';
  readonly code = 'INFRA_VERIFY_FAILED';
}

/** A fault of one file, which the message explains. */
export class FileUploadError extends Error {
  override readonly name = 'FileUploadError';
}
