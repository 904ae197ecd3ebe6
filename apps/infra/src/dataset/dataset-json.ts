import type { ContainerTarget, DatasetReport, UploadedFile, UploadFailure } from '@warpforge/azure-infra';

/** What `dataset --json` prints. */
export function uploadJson(uploaded: readonly UploadedFile[], failures: readonly UploadFailure[]): string {
  const files = uploaded.map(({ target, ...file }) => ({ ...placeOf(target), ...file }));
  return line({ files, failures: failures.map(({ target, ...failure }) => ({ ...placeOf(target), ...failure })) });
}

/** What `dataset --verify --json` prints. */
export function verifyJson({ differences, ...counts }: DatasetReport): string {
  return line({ ...counts, differences: differences.map(({ target, ...difference }) => ({ ...placeOf(target), ...difference })) });
}

function placeOf({ account, container }: ContainerTarget): { account: string; container: string } {
  return { account, container };
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
