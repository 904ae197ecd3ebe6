import { hash, randomBytes } from 'node:crypto';
import { appendFile, mkdtemp, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerTarget, DatasetFile } from '../../src/dataset/container-target.ts';
import { DatasetUploadError } from '../../src/dataset/errors.ts';
import { uploadDataset, type UploadOptions, type UploadProgress } from '../../src/dataset/upload-dataset.ts';
import { ManualClock } from '../manual-clock.ts';
import { CONTAINER, startBlobService, type BlobRequest, type BlobService } from './blob-service.ts';

const BLOCK = 1024 * 1024;
/** Nine blocks: one more than are sent as a whole. */
const LARGE = randomBytes(8 * BLOCK + 1000);
const BLOCKS = 9;
/** Sent as a whole, through memory that holds a part of it. */
const MEDIUM = randomBytes(3 * BLOCK + 1000);
const SMALL = randomBytes(5000);

let service: BlobService;
let folder: string;
beforeAll(async () => {
  service = await startBlobService();
});
afterAll(() => service[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'upload-dataset-'));
  service.blobs.clear();
  service.staged.clear();
  service.requests.length = 0;
  service.fault = () => undefined;
});
afterEach(() => rm(folder, { recursive: true }));

const target = (account: string): ContainerTarget => ({ account, container: CONTAINER, endpoint: service.endpoint(account) });

async function file(name: string, bytes: Uint8Array, account = 'alpha'): Promise<DatasetFile> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return { path, blobName: `train/${name}`, target: target(account) };
}

/** Tokens that tell how many were asked for. */
class CountingCredential {
  count = 0;

  getToken(): Promise<{ token: string; expiresOnTimestamp: number }> {
    this.count += 1;
    return Promise.resolve({ token: `token-${this.count}`, expiresOnTimestamp: Date.now() + 3_600_000 });
  }
}

function options(changes: Partial<UploadOptions> = {}): UploadOptions {
  const clientOptions = { tlsOptions: { ca: service.ca }, retryOptions: { retryDelayInMs: 1, maxTries: 3 } };
  return { credential: new CountingCredential(), signal: new AbortController().signal, clientOptions, blockBytes: BLOCK, ...changes };
}

const upload = (files: readonly DatasetFile[], changes?: Partial<UploadOptions>) => uploadDataset(files, options(changes));
const stored = (name: string, account = 'alpha') => service.blobs.get(`${account}/${CONTAINER}/train/${name}`);
/** Comparing megabytes as a matcher does takes seconds. */
const holds = (blob: { readonly bytes: Buffer } | undefined, bytes: Buffer): boolean => blob?.bytes.equals(bytes) === true;
const failuresOf = async (work: Promise<unknown>): Promise<DatasetUploadError> => {
  const error: unknown = await work.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DatasetUploadError);
  return error as DatasetUploadError;
};
const count = (matches: (request: BlobRequest) => boolean): number => service.requests.filter(matches).length;
const isBlock = ({ method, comp }: BlobRequest): boolean => method === 'PUT' && comp === 'block';

describe('uploadDataset', () => {
  it('puts every file into its container, with MD5, type and the same bytes', async () => {
    const files = [
      await file('a.tar', LARGE),
      await file('a.idx', SMALL),
      await file('b.tar', MEDIUM, 'beta'),
      await file('empty', new Uint8Array(0)),
    ];
    const progress: UploadProgress[] = [];
    const outcomes = await upload(files, { onProgress: (state) => progress.push(state) });
    expect(outcomes.map(({ blob, outcome, sentBytes }) => [blob, outcome, sentBytes])).toEqual([
      ['train/a.tar', 'uploaded', LARGE.length],
      ['train/a.idx', 'uploaded', SMALL.length],
      ['train/b.tar', 'uploaded', MEDIUM.length],
      ['train/empty', 'uploaded', 0],
    ]);
    expect(stored('a.tar')).toMatchObject({ md5: hash('md5', LARGE, 'base64'), contentType: 'application/x-tar' });
    expect(holds(stored('a.tar'), LARGE)).toBe(true);
    expect(stored('a.idx')).toMatchObject({ md5: hash('md5', SMALL, 'base64'), contentType: 'text/plain' });
    expect(holds(stored('a.idx'), SMALL)).toBe(true);
    expect(holds(stored('b.tar', 'beta'), MEDIUM)).toBe(true);
    expect(stored('empty')?.bytes).toHaveLength(0);
    const bytes = LARGE.length + MEDIUM.length + SMALL.length;
    expect(progress.at(-1)).toEqual({ filesDone: 4, files: 4, bytesDone: bytes, bytes });
    expect(count(({ token }) => token === undefined)).toBe(0);
  });

  it('skips what is there with the same length and MD5, and replaces what is not', async () => {
    const files = [await file('a.tar', LARGE), await file('b.tar', SMALL), await file('c.tar', SMALL)];
    await upload(files);
    const other = Buffer.alloc(SMALL.length);
    service.blobs.set(`alpha/${CONTAINER}/train/b.tar`, { bytes: other, md5: hash('md5', other, 'base64'), contentType: undefined });
    service.blobs.set(`alpha/${CONTAINER}/train/c.tar`, { bytes: SMALL, md5: undefined, contentType: undefined });
    service.requests.length = 0;
    const outcomes = await upload(files);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['present', 'uploaded', 'uploaded']);
    expect(count(({ method }) => method === 'PUT')).toBe(2);
    expect(holds(stored('b.tar'), SMALL)).toBe(true);
  });

  it('does not send blocks again that an interrupted run has sent, and sends those that differ', async () => {
    const files = [await file('a.tar', LARGE)];
    const abort = new AbortController();
    service.fault = ({ method, comp }) => {
      if (method !== 'PUT' || comp !== 'blocklist') return undefined;
      abort.abort(new Error('stopped'));
      return 'reset';
    };
    await expect(upload(files, { signal: abort.signal })).rejects.toThrow('stopped');
    expect([...service.staged.values()].map(({ size }) => size)).toEqual([BLOCKS]);
    expect(stored('a.tar')).toBeUndefined();
    service.fault = () => undefined;
    service.requests.length = 0;

    const changed = Buffer.from(LARGE);
    changed[BLOCK + 5]! ^= 1;
    const [outcome] = await upload([await file('a.tar', changed)]);
    expect(count(isBlock)).toBe(1);
    expect(outcome).toMatchObject({ outcome: 'uploaded', sentBytes: BLOCK });
    expect(holds(stored('a.tar'), changed)).toBe(true);
  });

  it('goes on when one file fails, and lists every failure with its account', async () => {
    const files = [
      await file('a.tar', LARGE),
      await file('b.tar', SMALL),
      await file('c.tar', SMALL, 'beta'),
      await file('d.tar', SMALL, 'beta'),
    ];
    await rm(files[1]!.path);
    service.fault = ({ blob, comp }) => (blob === 'train/c.tar' && comp === '' ? { status: 403, code: 'AuthorizationFailure' } : undefined);
    const error = await failuresOf(upload(files));
    expect(error.code).toBe('INFRA_UPLOAD_FAILED');
    expect(error.failures.map(({ target: { account }, blob }) => [account, blob])).toEqual([
      ['alpha', 'train/b.tar'],
      ['beta', 'train/c.tar'],
    ]);
    expect(error.message).toMatch(/^2 of 4 files could not be uploaded/);
    expect(error.message).toMatch(/alpha\/data\/train\/b\.tar: ENOENT/);
    expect(error.message).toMatch(/beta\/data\/train\/c\.tar: .*network rules.*\(403 AuthorizationFailure\)/);
    expect(holds(stored('a.tar'), LARGE)).toBe(true);
    expect(holds(stored('d.tar', 'beta'), SMALL)).toBe(true);
    // Not the refusal that a new role explains: asked once.
    expect(count(({ blob }) => blob === 'train/c.tar')).toBe(1);
  });

  it('fails all files of an account whose container is not there, and uploads those of the other', async () => {
    const files = [await file('a.tar', SMALL), await file('b.tar', SMALL, 'beta'), await file('c.tar', SMALL, 'beta')];
    const elsewhere = { ...target('beta'), container: 'nowhere' };
    const error = await failuresOf(upload([files[0]!, { ...files[1]!, target: elsewhere }, { ...files[2]!, target: elsewhere }]));
    expect(error.failures).toHaveLength(2);
    expect(error.failures[0]!.reason).toContain('warpforge-infra provision');
    expect(holds(stored('a.tar'), SMALL)).toBe(true);
  });

  it('waits for a role that does not work yet, and asks for another token', async () => {
    const credential = new CountingCredential();
    service.fault = ({ token }) =>
      token === 'token-1' || token === 'token-2' ? { status: 403, code: 'AuthorizationPermissionMismatch' } : undefined;
    const waits: string[] = [];
    const [outcome] = await upload([await file('a.tar', SMALL)], {
      credential,
      clock: new ManualClock(),
      onPropagationWait: ({ account }, { waitMs }) => waits.push(`${account} ${waitMs}`),
    });
    expect(outcome?.outcome).toBe('uploaded');
    expect(waits).toEqual(['alpha 2000', 'alpha 4000']);
    expect(credential.count).toBe(3);
  });

  it('shares one new client between requests that are refused together', async () => {
    const credential = new CountingCredential();
    service.fault = ({ token, comp }) =>
      token === 'token-1' && comp === 'block' ? { status: 403, code: 'AuthorizationPermissionMismatch' } : undefined;
    await upload([await file('a.tar', LARGE)], { credential, clock: new ManualClock() });
    expect(credential.count).toBe(2);
  });

  it('gives up on a role after ten minutes', async () => {
    service.fault = () => ({ status: 403, code: 'AuthorizationPermissionMismatch' });
    const error = await failuresOf(upload([await file('a.tar', SMALL)], { clock: new ManualClock() }));
    expect(error.failures[0]!.reason).toContain('after 10 minutes');
  });

  it('gets over throttling, failures of the service and broken connections', async () => {
    const seen = new Map<string, number>();
    service.fault = ({ method, comp, blockId = '' }) => {
      const key = `${method} ${comp} ${blockId}`;
      const time = (seen.get(key) ?? 0) + 1;
      seen.set(key, time);
      if (time === 1) return method === 'PUT' ? 'reset' : { status: 503, code: 'ServerBusy' };
      return time === 2 ? { status: 500, code: 'InternalError' } : undefined;
    };
    await upload([await file('a.tar', LARGE), await file('b.tar', MEDIUM)]);
    expect(holds(stored('a.tar'), LARGE)).toBe(true);
    expect(holds(stored('b.tar'), MEDIUM)).toBe(true);
    expect(seen.get('GET list ')).toBe(3);
  });

  it('fails when connections break every time, and leaves nothing visible', async () => {
    service.fault = (request) => (isBlock(request) ? 'reset' : undefined);
    const error = await failuresOf(upload([await file('a.tar', LARGE), await file('b.tar', SMALL)]));
    expect(error.failures).toHaveLength(1);
    expect(error.failures[0]!.reason).toMatch(/ECONNRESET|socket hang up|EPIPE/);
    expect([...service.blobs.keys()]).toEqual([`alpha/${CONTAINER}/train/b.tar`]);
  });

  it('fails when nothing answers', async () => {
    const { path, blobName } = await file('a.tar', SMALL);
    const nowhere = { account: 'alpha', container: CONTAINER, endpoint: 'https://127.0.0.1:1/alpha' };
    const error = await failuresOf(upload([{ path, blobName, target: nowhere }]));
    expect(error.failures[0]!.reason).toContain('ECONNREFUSED');
  });

  it.each([
    ['a few blocks', MEDIUM],
    ['many blocks', LARGE],
  ])('notices when the service stores another MD5 than that of a file of %s', async (_, bytes) => {
    const files = [await file('a.tar', bytes)];
    service.fault = ({ method, blob }) => {
      const key = `alpha/${CONTAINER}/${blob}`;
      const now = service.blobs.get(key);
      if (method === 'HEAD' && now !== undefined) service.blobs.set(key, { ...now, md5: hash('md5', 'other', 'base64') });
      return undefined;
    };
    const error = await failuresOf(upload(files));
    expect(error.failures[0]!.reason).toMatch(/the service has \d+ bytes with MD5 .* not \d+ with/);
  });

  it('fails when a file of many blocks changes while it is uploaded, and leaves nothing visible', async () => {
    const changing = await file('a.tar', LARGE);
    service.fault = async (request) => {
      if (isBlock(request)) await utimes(changing.path, new Date(), new Date(Date.now() + 60_000));
      return undefined;
    };
    const error = await failuresOf(upload([changing]));
    expect(error.failures[0]!.reason).toContain('changed while it was uploaded');
    expect(stored('a.tar')).toBeUndefined();
  });

  it.each([
    ['longer', () => appendFile(join(folder, 'a.tar'), 'more')],
    ['shorter', () => truncate(join(folder, 'a.tar'), 10)],
    ['another', () => writeFile(join(folder, 'a.tar'), Buffer.alloc(MEDIUM.length))],
  ])('fails when a file that is sent whole becomes %s, and never stores a mixture', async (_, change) => {
    const files = [await file('a.tar', MEDIUM)];
    service.fault = async ({ method }) => {
      // It is hashed by then, and only a part of it read.
      if (method === 'PUT') await change();
      return undefined;
    };
    const error = await failuresOf(upload(files));
    expect(error.failures[0]!.reason).toContain('changed while it was uploaded');
    const now = stored('a.tar');
    if (now !== undefined) expect(holds(now, MEDIUM)).toBe(true);
  });

  it('refuses a file of more blocks than a blob can have, and blocks that are too small', async () => {
    const huge = await file('a.tar', new Uint8Array(0));
    await truncate(huge.path, 50_001 * BLOCK);
    const error = await failuresOf(upload([huge]));
    expect(error.failures[0]!.reason).toContain('a blob can have 52428800000');
    await expect(upload([huge], { blockBytes: BLOCK - 1 })).rejects.toThrow(RangeError);
  });

  it('stops at once when it is aborted, with the reason', async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    service.fault = (request) => {
      // The first bytes of both kinds are on their way.
      if (request.method === 'PUT') abort.abort(reason);
      return undefined;
    };
    await expect(upload([await file('a.tar', LARGE), await file('b.tar', MEDIUM)], { signal: abort.signal })).rejects.toBe(reason);
    await expect(upload([], { signal: abort.signal })).rejects.toBe(reason);
  });

  it('says that nobody is signed in', async () => {
    const credential = {
      getToken: () => Promise.reject(Object.assign(new Error('no credential worked\nand why'), { name: 'CredentialUnavailableError' })),
    };
    const error = await failuresOf(upload([await file('a.tar', SMALL)], { credential }));
    expect(error.failures[0]!.reason).toBe('could not sign in to Azure: run "az login" (no credential worked)');
  });

  it('uses no more memory for blocks than it is allowed', async () => {
    let inFlight = 0;
    let most = 0;
    service.fault = async (request) => {
      if (!isBlock(request)) return undefined;
      inFlight += 1;
      most = Math.max(most, inFlight);
      await new Promise((resolve) => setImmediate(resolve));
      inFlight -= 1;
      return undefined;
    };
    await upload([await file('a.tar', LARGE), await file('b.tar', LARGE)], { parallel: 2 });
    expect(most).toBeLessThanOrEqual(2);
  });
});
