/**
 * @file The numbers of an adapter that are trained, side by side as an optimiser takes them: all of them, or, of an
 * adapter that carries whole matrices, those that may change.
 */
import type { Adapter } from "./adapter.ts";
import { trainedIndices, type TrainedForm } from "./stacked-lora.ts";

/** Of arrays laid out as an adapter's parameters, the part that is trained. */
export class TrainedNumbers {
  /**
   * What the optimiser changes: the adapter's own parameters if all of them are trained, a copy else. A copy follows
   * the adapter only where {@link TrainedNumbers.readFrom} says so, and the adapter follows it by
   * {@link TrainedNumbers.putInto}.
   */
  readonly values: Float32Array;
  readonly #indices: Uint32Array | undefined;

  /** @param form - of the adapter */
  constructor(adapter: Adapter, form: TrainedForm) {
    this.#indices = trainedIndices(adapter, form);
    this.values = this.of(adapter.parameters);
  }

  /** The trained part of an array: the array itself if all of it is trained, a copy else. */
  of(array: Float32Array): Float32Array {
    const indices = this.#indices;
    if (indices === undefined) return array;
    // A plain loop: there are hundreds of thousands in each step.
    const part = new Float32Array(indices.length);
    for (let i = 0; i < indices.length; i++) part[i] = array[indices[i]];
    return part;
  }

  /** Takes the values from an array, if they are not the array itself. */
  readFrom(array: Float32Array): void {
    if (array !== this.values) this.values.set(this.of(array));
  }

  /** Puts such a part in its place in an array. */
  putInto(array: Float32Array, part: Float32Array): void {
    const indices = this.#indices;
    if (array === part) return;
    if (indices === undefined) array.set(part);
    else for (let i = 0; i < indices.length; i++) array[indices[i]] = part[i];
  }
}
