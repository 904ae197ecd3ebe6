import type { Network } from '../src/model/network.ts';

/**
 * The network in plain JavaScript and double precision, written from the definitions and sharing nothing with the graph:
 * what the graph computes is held against it, and finite differences of it are exact to many digits.
 */

interface Images {
  readonly data: Float64Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Mean loss of a batch. `pixels` as bytes [batch, height, width, channels]. */
export function referenceLoss(network: Network, weights: ArrayLike<number>, pixels: Uint8Array, labels: ArrayLike<number>): number {
  const { height, width, channels, classes } = network.shape;
  const size = height * width * channels;
  let total = 0;
  for (let index = 0; index < labels.length; index++) {
    const scores = logits(network, weights, pixels.subarray(index * size, (index + 1) * size));
    const highest = Math.max(...scores);
    const normaliser = scores.reduce((sum, score) => sum + Math.exp(score - highest), 0);
    total -= scores[labels[index]!]! - highest - Math.log(normaliser);
    if (scores.length !== classes) throw new Error('one score for each class');
  }
  return total / labels.length;
}

function logits(network: Network, weights: ArrayLike<number>, pixels: Uint8Array): number[] {
  const { height, width, channels, classes } = network.shape;
  let position = 0;
  const take = (count: number): ArrayLike<number> => Array.from({ length: count }, () => weights[position++]!);
  let images: Images = { data: new Float64Array(height * width * channels), channels, height, width };
  for (let channel = 0; channel < channels; channel++)
    for (let pixel = 0; pixel < height * width; pixel++)
      images.data[channel * height * width + pixel] = pixels[pixel * channels + channel]! / 127.5 - 1;
  for (const outputs of network.widths) {
    const weight = take(outputs * images.channels * 9);
    images = rectify(convolve(images, weight, take(outputs), outputs));
  }
  const weight = take(images.data.length * classes);
  const bias = take(classes);
  return Array.from({ length: classes }, (_, label) =>
    images.data.reduce((sum, feature, index) => sum + feature * weight[index * classes + label]!, bias[label]!),
  );
}

/** 3x3, stride 2, one pixel of zeros around the image. */
function convolve(x: Images, weight: ArrayLike<number>, bias: ArrayLike<number>, outputs: number): Images {
  const [height, width] = [Math.ceil(x.height / 2), Math.ceil(x.width / 2)];
  const data = new Float64Array(outputs * height * width);
  for (let output = 0; output < outputs; output++)
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        let sum = bias[output]!;
        for (let input = 0; input < x.channels; input++)
          for (let i = 0; i < 3; i++)
            for (let j = 0; j < 3; j++) {
              const [y, z] = [2 * row + i - 1, 2 * column + j - 1];
              if (y < 0 || y >= x.height || z < 0 || z >= x.width) continue;
              sum += x.data[(input * x.height + y) * x.width + z]! * weight[((output * x.channels + input) * 3 + i) * 3 + j]!;
            }
        data[(output * height + row) * width + column] = sum;
      }
  return { data, channels: outputs, height, width };
}

function rectify(x: Images): Images {
  return { ...x, data: x.data.map((value) => Math.max(0, value)) };
}
