/** Arrays as NumPy's `.npy` files hold them. */

/** Element types by NumPy's name, and the memory that holds them. */
export interface NpyTypes {
  /** 0 or 1. */
  bool: Uint8Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  /** Widened: not every Node has `Float16Array`. */
  float16: Float32Array;
  float32: Float32Array;
  float64: Float64Array;
}

/** An array; `dtype` tells the type of `data`. */
export type NpyArray = {
  [Type in keyof NpyTypes]: {
    readonly dtype: Type;
    /** Length of each dimension; none for a scalar. */
    readonly shape: readonly number[];
    /** The elements, in the machine's byte order. */
    readonly data: NpyTypes[Type];
    /** True when the first index varies fastest, as in Fortran; false when the last one does, as in C. */
    readonly fortranOrder: boolean;
  };
}[keyof NpyTypes];
