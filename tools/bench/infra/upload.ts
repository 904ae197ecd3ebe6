import { uploadDataset, type DatasetFile } from '@warpforge/azure-infra';
import { randomFillSync } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Program } from '../program.ts';
import type { Progress } from '../reading.ts';
import { compare, ratioOf, type Contender, type Series } from '../rounds.ts';
import type { Verdict } from '../verdict.ts';
import { uploadPlainly } from './plain-client.ts';

const MIB = 1024 ** 2;
/** In all one gibibyte each: shards that are sent whole, and some that are sent in blocks. */
const DATA_SETS: readonly DataSet[] = [
  { files: 16, bytes: 64 * MIB },
  // Blocks need two MD5s of every byte, that of the block and that of the whole, where the plain client makes one.
  { files: 4, bytes: 256 * MIB },
];
const BLOCK_BYTES = 8 * MIB;
/** As many as `warpforge-infra dataset` has. */
const CONNECTIONS = 8;
/** Even files go to one account, odd ones to the other. */
const ACCOUNTS = ['accounta', 'accountb'] as const;
const CONTAINER = 'data';

/** What uploading a data set must reach of a plain client. */
const UPLOAD_BAR = 0.8;

const ORIGIN = join(import.meta.dirname, '../../blob-origin/main.ts');

/** Uploads 1 GiB to a Blob endpoint in a process of its own, which throws the bytes away. */
export async function compareUploads(folder: string, progress: Progress): Promise<Verdict[]> {
  const root = join(folder, 'origin');
  for (const account of ACCOUNTS) await mkdir(join(root, account, CONTAINER), { recursive: true });
  const origin = [ORIGIN, '--root', root, '--uploads', 'discard'];
  await using server = new Program('blob-origin', process.execPath, ['--conditions=@warpforge/source', ...origin]);
  let url = '';
  await server.until((output) => {
    url = /^http:\S+$/m.exec(output)?.[0] ?? '';
    return url !== '';
  });
  const verdicts: Verdict[] = [];
  for (const dataSet of DATA_SETS) {
    const files = await writeFiles(join(folder, `files-${dataSet.files}`), dataSet);
    verdicts.push(await compareUpload(dataSet, files, url, progress));
    for (const file of files) await rm(file);
  }
  return verdicts;
}

async function compareUpload(dataSet: DataSet, files: readonly string[], url: string, progress: Progress): Promise<Verdict> {
  const what = `${dataSet.files} files of ${dataSet.bytes / MIB} MiB`;
  const question = `Uploading ${what} to a local Blob endpoint: warpforge-infra dataset against a plain client that sends blocks with their MD5`;
  progress(question);
  const plainly = (md5: boolean) => (uploads: readonly DatasetFile[]) =>
    uploadPlainly(uploads.map(toPlain), { connections: CONNECTIONS, blockBytes: BLOCK_BYTES, md5 });
  const verified = (uploads: readonly DatasetFile[]): Promise<unknown> =>
    uploadDataset(uploads, { credential: undefined, signal: new AbortController().signal, parallel: CONNECTIONS, blockBytes: BLOCK_BYTES });
  const contenders = [
    contender('plain client, MD5 of each block', dataSet, files, url, plainly(true)),
    contender('warpforge-infra dataset, also MD5 of the whole, compared at the end', dataSet, files, url, verified),
    contender('plain client, no checksum', dataSet, files, url, plainly(false)),
  ];
  const series = await compare(contenders, (name, round, value) =>
    progress(`  ${round === 0 ? 'warm-up' : `round ${round}`}  ${name}: ${Math.round(value).toLocaleString('en-US')} MB/s`),
  );
  const [plain, measured] = series as [Series, Series];
  return {
    question,
    value: ratioOf(measured, plain),
    bar: UPLOAD_BAR,
    sense: 'at-least',
    unit: 'ratio',
    series,
    seriesUnit: 'MB/s',
    commands: [
      'blob-origin --root <folder> --uploads discard &',
      `uploadDataset(<${what}>, { parallel: ${CONNECTIONS}, blockBytes: ${BLOCK_BYTES} })`,
    ],
  };
}

interface DataSet {
  readonly files: number;
  /** Of each file. */
  readonly bytes: number;
}

async function writeFiles(folder: string, { files, bytes }: DataSet): Promise<string[]> {
  await mkdir(folder);
  const piece = Buffer.alloc(MIB);
  const paths = Array.from({ length: files }, (_, index) => join(folder, `shard-${String(index).padStart(6, '0')}.tar`));
  for (const path of paths) {
    await using file = await open(path, 'w');
    for (let written = 0; written < bytes; written += MIB) await file.write(randomFillSync(piece));
  }
  return paths;
}

function contender(
  name: string,
  { files: count, bytes }: DataSet,
  paths: readonly string[],
  url: string,
  upload: (files: readonly DatasetFile[]) => Promise<unknown>,
): Contender {
  let round = 0;
  return {
    name,
    async measure() {
      round += 1;
      const files = paths.map((path, index) => {
        const account = ACCOUNTS[index % 2] ?? ACCOUNTS[0];
        return {
          path,
          blobName: `${count}/${round}/${index}.tar`,
          target: { account, container: CONTAINER, endpoint: `${url}/${account}` },
        };
      });
      const start = performance.now();
      await upload(files);
      return (count * bytes) / 1e3 / (performance.now() - start);
    },
  };
}

function toPlain({ path, blobName, target }: DatasetFile): { path: string; url: string } {
  return { path, url: `${target.endpoint}/${target.container}/${blobName}` };
}
