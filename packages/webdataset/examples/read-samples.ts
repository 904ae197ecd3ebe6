/**
 * Reads typed samples in the caller's thread and runs them through stages: those of even classes, mixed, as batches of 8.
 */
import { batch, filter, image, integer, json, map, pipe, samples, shuffle } from '@warpforge/webdataset';

const read = samples('data/train/shard-{000000..000002}.tar', {
  fields: { picture: image({ from: ['jpg', 'png'] }), label: integer({ from: ['cls'] }), json: json<{ even: boolean }>() },
  onError: 'skip',
});

const batches = pipe(
  read,
  filter(({ json }) => json.even),
  map(({ __key__, picture: { width, height, data }, label }) => ({ __key__, label, pixels: width * height, mean: mean(data) })),
  shuffle(100, { seed: 42 }),
  batch(8),
);

for await (const { __key__, label, pixels } of batches)
  console.log(`${__key__.length} samples, classes ${label.join(' ')}, ${pixels[0]} pixels each`);

function mean(values: Uint8Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
