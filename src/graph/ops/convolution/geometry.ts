/**
 * @file What a convolution and its adjoints share: its extents.
 */

/** Extents and options of one convolution. */
export interface Geometry {
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: readonly [number, number];
  readonly stride: number;
  /** Top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
  readonly input: readonly [number, number];
  readonly output: readonly [number, number];
}
