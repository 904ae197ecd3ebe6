import type { RawImage } from '@warpforge/webdataset/synthetic';

export type { RawImage };

/** Images of one purpose, always in the same order. */
export interface Split {
  readonly count: number;
  /** All of them; every call begins anew. */
  images(): Iterable<RawImage>;
}

/** Labelled images of one size, with a training and a test split that share no image. */
export interface DataSet {
  readonly name: string;
  /** What it is and where it comes from, for people. */
  readonly description: string;
  readonly classes: number;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly train: Split;
  readonly test: Split;
}
