import type { ContainerTarget, DatasetFile, StorageCredential, UploadedFile } from '@warpforge/azure-infra';
import { progressView } from '../progress.ts';
import { describeUpload } from './dataset-text.ts';

/** How to upload. */
export interface UploadShardsOptions {
  readonly credential: StorageCredential;
  readonly parallel: number | undefined;
  readonly signal: AbortSignal;
}

/** Uploads files and shows how far it is. Rejects with a `DatasetUploadError` when not all of them could be uploaded. */
export async function uploadShards(
  files: readonly DatasetFile[],
  { credential, parallel, signal }: UploadShardsOptions,
): Promise<readonly UploadedFile[]> {
  const { uploadDataset } = await import('@warpforge/azure-infra');
  const view = await progressView(process.stderr, 'uploading');
  const start = performance.now();
  try {
    return await uploadDataset(files, {
      credential,
      signal,
      parallel,
      onProgress: (progress) => {
        const text = describeUpload(progress, performance.now() - start);
        view.update({ done: progress.bytesDone, total: Math.max(1, progress.bytes), text });
      },
      onPropagationWait: tellWait,
    });
  } finally {
    view.finish();
  }
}

/** Says that a role does not work yet. */
export function tellWait(
  { account }: ContainerTarget,
  { elapsedMs, waitMs }: { readonly elapsedMs: number; readonly waitMs: number },
): void {
  const [elapsed, wait] = [elapsedMs, waitMs].map((milliseconds) => Math.round(milliseconds / 1000));
  process.stderr.write(`${account}: your role does not work yet (${elapsed ?? 0} s); asking again in ${wait ?? 0} s\n`);
}
