/** Which stream of random numbers serves which choice of an epoch; fixed, as published orders depend on it. */
export const SHARD_STREAM = 1;
export const SAMPLE_STREAM = 2;
export const RESAMPLE_STREAM = 3;
export const MIX_STREAM = 4;
