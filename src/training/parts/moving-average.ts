/**
 * @file The exponential moving average of what is trained: the mean of the last steps, the latest counting most. What a
 * run comes to is then the average, in which the noise of single steps is smaller. Source: diffusers:
 * training_utils.py, EMAModel.
 */

/** How much of the average stays at a step: less at first, so that it does not hang on to where the run began. */
export function averageDecay(step: number, most: number): number {
  return step === 0 ? 0 : Math.min(most, (1 + step) / (10 + step));
}

/**
 * Takes one step of training into an average, in place.
 *
 * @param average - of the steps before; before the first one, anything
 * @param now - after this step
 * @param step - steps averaged so far
 * @param most - the decay that is approached, below 1
 */
export function averageIn(average: Float32Array, now: Float32Array, step: number, most: number): void {
  const share = 1 - averageDecay(step, most);
  for (let i = 0; i < average.length; i++) average[i] += share * (now[i] - average[i]);
}
