/**
 * Submits a job by the Storage SDK alone, and waits for its report: what programs do that don't want the command.
 *
 *     export AZURE_STORAGE_CONNECTION_STRING=...
 *     node submit-with-sdk.ts job.json
 *
 * With an identity instead: `new QueueServiceClient('https://ACCOUNT.queue.core.windows.net', new DefaultAzureCredential())`.
 */
import { BlobServiceClient } from '@azure/storage-blob';
import { QueueServiceClient } from '@azure/storage-queue';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

const PREFIX = 'cw';
/** A message would be gone after seven days otherwise, taken or not. */
const NEVER_EXPIRES = -1;

const connectionString = process.env['AZURE_STORAGE_CONNECTION_STRING'] ?? '';
const job = readFileSync(process.argv[2] ?? 'job.json', 'utf8');

const queue = QueueServiceClient.fromConnectionString(connectionString).getQueueClient(`${PREFIX}job`);
// Plain or in base64, as other clients have it: both are read.
const { messageId } = await queue.sendMessage(Buffer.from(job).toString('base64'), { messageTimeToLive: NEVER_EXPIRES });
console.log(`job ${messageId} is on the queue`);

const report = BlobServiceClient.fromConnectionString(connectionString)
  .getContainerClient(`${PREFIX}records`)
  .getBlockBlobClient(`reports/${messageId}.json`);
while (!(await report.exists())) await setTimeout(1_000);
const { state, files, bytes, failed } = JSON.parse((await report.downloadToBuffer()).toString()) as {
  state: string;
  files: number;
  bytes: number;
  failed: { path: string; reason: string }[];
};
console.log(`${state}: ${files} files, ${bytes} bytes`);
for (const { path, reason } of failed) console.log(`not warm: ${path}: ${reason}`);
process.exitCode = state === 'warm' ? 0 : 1;
