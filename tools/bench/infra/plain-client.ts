/** What uploading costs at least: Put Block and Put Block List over node:http, and nothing around them. */
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { open, stat } from 'node:fs/promises';
import { Agent, request, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';

/** A file and the address that its blob gets. */
export interface PlainUpload {
  readonly path: string;
  /** `http://127.0.0.1:PORT/ACCOUNT/CONTAINER/BLOB` */
  readonly url: string;
}

/** How to upload. */
export interface PlainOptions {
  readonly connections: number;
  readonly blockBytes: number;
  /** Send a Content-MD5 with each block, with which the service can tell whether it was damaged on its way. */
  readonly md5: boolean;
}

/** Uploads all files in parallel blocks. */
export async function uploadPlainly(files: readonly PlainUpload[], { connections, blockBytes, md5 }: PlainOptions): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const blocks = (await Promise.all(files.map((file) => blocksOf(file, blockBytes)))).flat();
  let next = 0;
  const send = async (): Promise<void> => {
    const memory = Buffer.allocUnsafeSlow(blockBytes);
    for (let block = blocks[next++]; block !== undefined; block = blocks[next++]) {
      await using file = await open(block.path);
      const { bytesRead } = await file.read(memory, 0, block.length, block.offset);
      const bytes = memory.subarray(0, bytesRead);
      const url = `${block.url}?comp=block&blockid=${encodeURIComponent(block.id)}`;
      await put(agent, url, bytes, md5 ? { 'content-md5': hash('md5', bytes, 'base64') } : {});
    }
  };
  try {
    await Promise.all(Array.from({ length: connections }, send));
    await Promise.all(
      files.map(({ url }) => {
        const ids = blocks.filter((block) => block.url === url).map(({ id }) => `<Latest>${id}</Latest>`);
        return put(agent, `${url}?comp=blocklist`, Buffer.from(`<BlockList>${ids.join('')}</BlockList>`), {});
      }),
    );
  } finally {
    agent.destroy();
  }
}

interface Block extends PlainUpload {
  readonly id: string;
  readonly offset: number;
  readonly length: number;
}

async function blocksOf(file: PlainUpload, blockBytes: number): Promise<Block[]> {
  const { size } = await stat(file.path);
  return Array.from({ length: Math.ceil(size / blockBytes) }, (_, index) => ({
    ...file,
    id: Buffer.from(String(index).padStart(6, '0')).toString('base64'),
    offset: index * blockBytes,
    length: Math.min(blockBytes, size - index * blockBytes),
  }));
}

async function put(agent: Agent, url: string, body: Buffer, headers: OutgoingHttpHeaders): Promise<void> {
  const sent = request(url, { method: 'PUT', agent, headers: { ...headers, 'content-length': body.length } });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  if (response.statusCode !== 201) throw new Error(`PUT ${url}: ${response.statusCode ?? 'no status'}`);
}
