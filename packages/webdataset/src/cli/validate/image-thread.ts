/** A thread that decodes images, to see whether that works. */
import { parentPort, workerData } from 'node:worker_threads';
import { DecodeFault } from '../../decode/decode-fault.ts';
import { image } from '../../decode/decoders.ts';
import { FieldDecoders } from '../../decode/field-decoders.ts';
import { reasonOf } from '../../errors.ts';

/** An image to decode; `end` when there are no more. */
export type ImageRequest = { readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> } | 'end';

/** What is wrong with an image; undefined when it decodes. */
export interface ImageAnswer {
  readonly id: number;
  readonly reason: string | undefined;
}

/** What a thread is started with: not 0 when the images that wait are not to be decoded any more. */
export type Cancelled = Int32Array<SharedArrayBuffer>;

const port = parentPort;
const cancelled = workerData as Cancelled;
if (port === null) throw new Error('image-thread.ts is started by image-checks.ts, as a thread');
const decoders = await FieldDecoders.create({ image: image() });

port.on('message', (request: ImageRequest) => {
  // Not ended from outside: a thread that is torn down inside a native decoder takes the process with it.
  if (request === 'end') port.close();
  else if (Atomics.load(cancelled, 0) === 0)
    void reasonAgainst(request.bytes).then((reason) => port.postMessage({ id: request.id, reason } satisfies ImageAnswer));
});

async function reasonAgainst({ buffer }: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  try {
    await decoders.decodeValue('image', Buffer.from(buffer), { key: '', shard: '', random: noRandom });
    return undefined;
  } catch (error) {
    // What is no fault of the image ends the thread, and with it the command.
    if (!(error instanceof DecodeFault)) throw error;
    return reasonOf(error);
  }
}

function noRandom(): never {
  throw new Error('Nothing is random without augmentation.');
}
