/**
 * @file Guards the methods that remember earlier steps against steps out of order, which would give a plausible but
 * wrong sample.
 */

/** Follows the steps of one sampling run after another. */
export class StepOrder {
  #next = 0;

  /**
   * Notes that `stepIndex` is being done; 0 begins a new run.
   * @throws RangeError if it does not follow the last one.
   */
  advanceTo(stepIndex: number): void {
    if (stepIndex !== 0 && stepIndex !== this.#next) {
      throw new RangeError(`step ${stepIndex} out of order: this scheduler expects step 0 or ${this.#next}`);
    }
    this.#next = stepIndex + 1;
  }
}
