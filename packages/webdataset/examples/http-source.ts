/**
 * Reads shards from a web server, with range requests, and one from an opener of one's own.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { integer, Loader, samples } from '@warpforge/webdataset';

// A web server for the folder `data`, as any other that knows ranges.
const server = createServer((request, response) => void answer(request.url ?? '/', request.headers.range, response));
server.listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

{
  await using loader = await Loader.open({
    shards: `${base}/data/train/shard-{000000..000002}.tar`,
    fields: { label: integer({ from: ['cls'] }) },
    batchSize: 20,
  });
  let count = 0;
  for await (using batch of loader.epoch(0)) count += batch.size;
  console.log(`${count} samples over HTTP`);
}

let opened = 0;
const custom = { name: 'mine.tar', open: () => createReadStream('data/train/shard-000002.tar') };
for await (const { __url__, cls } of samples([custom], { fields: ['cls'] })) if (__url__ === 'mine.tar' && cls >= 0) opened++;
console.log(`${opened} samples from an opener`);

server.closeAllConnections();
server.close();

async function answer(url: string, range: string | undefined, response: ServerResponse): Promise<void> {
  await using file = await open(`.${url}`);
  const { size } = await file.stat();
  const [, from = '0', to = String(size - 1)] = /^bytes=(\d+)-(\d+)?$/.exec(range ?? '') ?? [];
  const [start, end] = [Number(from), Math.min(Number(to), size - 1)];
  const partial = { 'content-range': `bytes ${start}-${end}/${size}` };
  response.writeHead(range === undefined ? 200 : 206, {
    'content-length': end - start + 1,
    'accept-ranges': 'bytes',
    etag: `"${size}"`,
    ...(range === undefined ? {} : partial),
  });
  for await (const piece of file.createReadStream({ start, end, autoClose: false })) response.write(piece);
  response.end();
}
