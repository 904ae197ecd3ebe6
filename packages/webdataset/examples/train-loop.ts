/**
 * Loads augmented batches of tensors with worker threads, as a training loop does.
 */
import { image, integer, Loader } from '@warpforge/webdataset';

await using loader = await Loader.open({
  shards: 'data/train',
  fields: {
    image: image({
      height: 12,
      width: 12,
      from: ['jpg', 'png'],
      // Every random choice derives from seed, epoch and key, so a resumed run repeats it.
      crop: { scale: [0.5, 1], ratio: [3 / 4, 4 / 3] },
      flip: true,
      type: 'float32',
      layout: 'nchw',
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    }),
    label: integer({ from: ['cls'] }),
  },
  batchSize: 16,
  seed: 42,
  workers: 2,
});

for (let epoch = 0; epoch < 2; epoch++) {
  for await (using batch of loader.epoch(epoch)) {
    // The tensors lie in shared memory until the batch is released, here at the end of the block.
    console.log(`epoch ${epoch}: ${batch.size} samples, image ${batch.image.shape.join('x')}, first label ${batch.label[0]}`);
  }
}
