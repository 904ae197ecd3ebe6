import type { Network } from '../src/model/network.ts';

/**
 * The networks in plain JavaScript and double precision, written from the definitions and sharing nothing with the graph:
 * what the graph computes is held against them, and finite differences of them are exact to many digits.
 */

/** Numbers of a batch of images [batch, channels, height, width]. */
interface Images {
  readonly data: Float64Array;
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

export interface ReferenceInputs {
  readonly network: Network;
  /** All parameters of the network, one after the other. */
  readonly weights: ArrayLike<number>;
  /** Running mean and variance of each norm, one after the other: with them the network is as in use, without as in training. */
  readonly statistics?: ArrayLike<number> | undefined;
  /** [batch, height, width, channels] */
  readonly pixels: Uint8Array;
  readonly labels: ArrayLike<number>;
}

export interface ReferenceResult {
  /** Mean loss of the batch. */
  readonly loss: number;
  /** Probability of each class for each image. */
  readonly probabilities: readonly (readonly number[])[];
  /** Mean and unbiased variance of the batch at each norm, in the layout of the statistics. */
  readonly statistics: readonly number[];
}

export function referencePass({ network, weights, statistics, pixels, labels }: ReferenceInputs): ReferenceResult {
  const { design, shape } = network;
  const parameter = reader(network.parameters, weights);
  const running = statistics === undefined ? undefined : reader(network.statistics, statistics);
  const measured: number[] = [];
  let x = scaled(pixels, labels.length, shape);
  for (let layer = 1; design.model === 'cnn' && layer <= design.widths.length; layer++) {
    const outputs = design.widths[layer - 1]!;
    const weight = parameter(`convolution${layer}.weight`);
    x = convolve(x, weight, design.batchNorm ? new Array<number>(outputs).fill(0) : parameter(`convolution${layer}.bias`), outputs);
    if (design.batchNorm) {
      const batch = meanAndVariance(x);
      const count = x.data.length / x.channels;
      measured.push(...batch.mean, ...batch.variance.map((variance) => (variance * count) / (count - 1)));
      const by = running ? { mean: running(`norm${layer}.mean`), variance: running(`norm${layer}.variance`) } : batch;
      x = normalised(x, by, parameter(`norm${layer}.scale`), parameter(`norm${layer}.bias`));
    }
    x = { ...x, data: x.data.map((value) => Math.max(0, value)) };
  }
  const probabilities = classify(x, parameter('classifier.weight'), parameter('classifier.bias'));
  const loss = probabilities.reduce((sum, row, index) => sum - Math.log(row[labels[index]!]!), 0) / labels.length;
  return { loss, probabilities, statistics: measured };
}

/** Batch normalisation of [batch, channels, pixels] in training mode: what the graph's layer is held against. */
export function referenceBatchNorm(
  x: { readonly data: ArrayLike<number>; readonly shape: readonly number[] },
  scale: ArrayLike<number>,
  bias: ArrayLike<number>,
): { y: number[]; mean: number[]; variance: number[] } {
  const [batch = 0, channels = 0, height = 0, width = 0] = x.shape;
  const images = { data: Float64Array.from(x.data), batch, channels, height, width };
  const statistics = meanAndVariance(images);
  return { y: [...normalised(images, statistics, scale, bias).data], ...statistics };
}

function reader(tensors: Network['parameters'], vector: ArrayLike<number>): (name: string) => ArrayLike<number> {
  let position = 0;
  const places = new Map(
    tensors.map(({ name, shape }) => {
      const start = position;
      position += shape.reduce((product, size) => product * size, 1);
      return [name, [start, position] as const];
    }),
  );
  return (name) => {
    const [start, end] = places.get(name)!;
    return Array.from({ length: end - start }, (_, index) => vector[start + index]!);
  };
}

function scaled(pixels: Uint8Array, batch: number, { height, width, channels }: Network['shape']): Images {
  const data = new Float64Array(pixels.length);
  for (let image = 0; image < batch; image++)
    for (let channel = 0; channel < channels; channel++)
      for (let pixel = 0; pixel < height * width; pixel++)
        data[(image * channels + channel) * height * width + pixel] =
          pixels[(image * height * width + pixel) * channels + channel]! / 127.5 - 1;
  return { data, batch, channels, height, width };
}

/** 3x3, stride 2, one pixel of zeros around the image. */
function convolve(x: Images, weight: ArrayLike<number>, bias: ArrayLike<number>, outputs: number): Images {
  const [height, width] = [Math.ceil(x.height / 2), Math.ceil(x.width / 2)];
  const data = new Float64Array(x.batch * outputs * height * width);
  for (let image = 0; image < x.batch; image++)
    for (let output = 0; output < outputs; output++)
      for (let row = 0; row < height; row++)
        for (let column = 0; column < width; column++) {
          let sum = bias[output]!;
          for (let input = 0; input < x.channels; input++)
            for (let i = 0; i < 3; i++)
              for (let j = 0; j < 3; j++) {
                const [y, z] = [2 * row + i - 1, 2 * column + j - 1];
                if (y < 0 || y >= x.height || z < 0 || z >= x.width) continue;
                const pixel = x.data[((image * x.channels + input) * x.height + y) * x.width + z]!;
                sum += pixel * weight[((output * x.channels + input) * 3 + i) * 3 + j]!;
              }
          data[((image * outputs + output) * height + row) * width + column] = sum;
        }
  return { data, batch: x.batch, channels: outputs, height, width };
}

function meanAndVariance(x: Images): { mean: number[]; variance: number[] } {
  const ofChannel = (wanted: number): Float64Array => x.data.filter((_, index) => channelOf(x, index) === wanted);
  const mean = Array.from({ length: x.channels }, (_, channel) => average(ofChannel(channel)));
  const variance = mean.map((center, channel) => average(ofChannel(channel).map((value) => (value - center) ** 2)));
  return { mean, variance };
}

function normalised(
  x: Images,
  { mean, variance }: { mean: ArrayLike<number>; variance: ArrayLike<number> },
  scale: ArrayLike<number>,
  bias: ArrayLike<number>,
): Images {
  const data = x.data.map((value, index) => {
    const channel = channelOf(x, index);
    return ((value - mean[channel]!) / Math.sqrt(variance[channel]! + 1e-5)) * scale[channel]! + bias[channel]!;
  });
  return { ...x, data };
}

function classify(x: Images, weight: ArrayLike<number>, bias: ArrayLike<number>): number[][] {
  const features = x.data.length / x.batch;
  return Array.from({ length: x.batch }, (_, image) => {
    const scores = Array.from(bias, (start, label) =>
      x.data
        .subarray(image * features, (image + 1) * features)
        .reduce((sum, feature, index) => sum + feature * weight[index * bias.length + label]!, start),
    );
    const highest = Math.max(...scores);
    const total = scores.reduce((sum, score) => sum + Math.exp(score - highest), 0);
    return scores.map((score) => Math.exp(score - highest) / total);
  });
}

function channelOf(x: Images, index: number): number {
  return Math.floor(index / (x.height * x.width)) % x.channels;
}

function average(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
