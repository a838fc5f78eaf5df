/** @file AdamW, in place, on flat float32 arrays: the update rule of torch.optim.AdamW. */

/** Parameters that share a learning rate and a weight decay. */
export interface AdamWGroup {
  /** Names the group in the saved state. */
  readonly name: string;
  /** Updated in place. */
  readonly parameters: Float32Array;
  readonly learningRate: number;
  /** Decoupled: parameters shrink by `learningRate * weightDecay` per step. Default 0.01. */
  readonly weightDecay?: number;
  /**
   * Where to keep the moment estimates, in shared memory for instance. Default: arrays of the optimiser's own, all
   * zeros.
   */
  readonly moments?: AdamWMoments;
}

export interface AdamWOptions {
  /** Decay rates of the two moment estimates. Default `[0.9, 0.999]`. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the second moment. Default 1e-8. */
  readonly eps?: number;
}

/** Moment estimates of one group, each as long as its parameters. */
export interface AdamWMoments {
  readonly expAvg: Float32Array;
  readonly expAvgSq: Float32Array;
}

/** Everything besides the parameters that the next step depends on. */
export interface AdamWState {
  /** Number of steps done. */
  readonly step: number;
  /** By group name. */
  readonly groups: Readonly<Record<string, AdamWMoments>>;
}

/**
 * AdamW (Loshchilov & Hutter, "Decoupled Weight Decay Regularization", 2019, algorithm 2), with the operations of
 * `torch/optim/adamw.py: _single_tensor_adamw`.
 *
 * @example
 * ```ts
 * import { AdamW, gradients, input, mul, Program, sum } from "keepsake/graph";
 *
 * const x = input("x", [2]);
 * const [dx] = gradients(sum(mul(x, x)), [x]);
 * const program = await Program.create({ dx });
 * const parameters = Float32Array.of(3, -1);
 * const optimizer = new AdamW([{ name: "x", parameters, learningRate: 0.1, weightDecay: 0 }]);
 * for (let step = 0; step < 100; step++) optimizer.step([(await program.run({ x: parameters })).dx]);
 * ```
 */
export class AdamW {
  readonly #groups: readonly (AdamWGroup & AdamWMoments)[];
  readonly #betas: readonly [number, number];
  readonly #eps: number;
  #step = 0;

  /** @throws RangeError for a rate outside its range or two groups of one name. */
  constructor(groups: readonly AdamWGroup[], options: AdamWOptions = {}) {
    this.#betas = options.betas ?? [0.9, 0.999];
    this.#eps = options.eps ?? 1e-8;
    for (const beta of this.#betas) {
      if (!(beta >= 0 && beta < 1)) throw new RangeError(`AdamW: betas must be in [0, 1), got ${beta}`);
    }
    if (!(this.#eps >= 0)) throw new RangeError(`AdamW: eps must be at least 0, got ${this.#eps}`);
    if (new Set(groups.map((group) => group.name)).size !== groups.length) {
      throw new RangeError("AdamW: two groups have the same name");
    }
    for (const { name, learningRate, weightDecay = 0 } of groups) {
      if (!(learningRate >= 0 && weightDecay >= 0)) {
        throw new RangeError(`AdamW: learning rate and weight decay of "${name}" must be at least 0`);
      }
    }
    this.#groups = groups.map((group) => ({
      ...group,
      expAvg: group.moments?.expAvg ?? new Float32Array(group.parameters.length),
      expAvgSq: group.moments?.expAvgSq ?? new Float32Array(group.parameters.length),
    }));
  }

  /** Number of steps done. */
  get stepCount(): number {
    return this.#step;
  }

  /**
   * One step on every group.
   * @param gradients one array per group, in the order of the groups.
   * @param learningRateFactor multiplies every group's learning rate in this step (see `learningRateFactor` in
   *   schedule.ts).
   * @throws RangeError if the gradients do not match the groups.
   */
  step(gradients: readonly Float32Array[], learningRateFactor = 1): void {
    if (gradients.length !== this.#groups.length) {
      throw new RangeError(`AdamW: ${gradients.length} gradients for ${this.#groups.length} groups`);
    }
    this.#groups.forEach((group, index) => {
      const { length } = gradients[index];
      if (length !== group.parameters.length) {
        throw new RangeError(
          `AdamW: gradient of "${group.name}" has ${length} elements, its parameters ${group.parameters.length}`,
        );
      }
    });
    this.#step += 1;
    const [beta1, beta2] = this.#betas;
    const biasCorrection1 = 1 - beta1 ** this.#step;
    const biasCorrection2Sqrt = Math.sqrt(1 - beta2 ** this.#step);
    gradients.forEach((gradient, index) => {
      const group = this.#groups[index];
      const learningRate = group.learningRate * learningRateFactor;
      update(group, gradient, {
        keep: 1 - learningRate * (group.weightDecay ?? 0.01),
        oneMinusBeta1: 1 - beta1,
        beta2,
        oneMinusBeta2: 1 - beta2,
        inverseBiasCorrection2Sqrt: 1 / biasCorrection2Sqrt,
        eps: this.#eps,
        stepSize: learningRate / biasCorrection1,
      });
    });
  }

  /** A copy of the state; together with the parameters it continues to the same bits. */
  state(): AdamWState {
    const groups = this.#groups.map(({ name, expAvg, expAvgSq }): [string, AdamWMoments] => [
      name,
      { expAvg: expAvg.slice(), expAvgSq: expAvgSq.slice() },
    ]);
    return { step: this.#step, groups: Object.fromEntries(groups) };
  }

  /**
   * Takes over a saved state; the parameters are the caller's to restore.
   * @throws RangeError if the state is of other groups.
   */
  loadState(state: AdamWState): void {
    if (!Number.isSafeInteger(state.step) || state.step < 0) {
      throw new RangeError(`AdamW: not a step count: ${state.step}`);
    }
    if (Object.keys(state.groups).length !== this.#groups.length) {
      throw new RangeError("AdamW: the saved state has another number of groups");
    }
    const moments = this.#groups.map((group) => {
      const saved = state.groups[group.name];
      const length = group.parameters.length;
      if (saved?.expAvg.length !== length || saved.expAvgSq.length !== length) {
        throw new RangeError(`AdamW: the saved state has no moments of ${length} elements for "${group.name}"`);
      }
      return { group, saved };
    });
    for (const { group, saved } of moments) {
      group.expAvg.set(saved.expAvg);
      group.expAvgSq.set(saved.expAvgSq);
    }
    this.#step = state.step;
  }
}

interface UpdateScalars {
  readonly keep: number;
  readonly oneMinusBeta1: number;
  readonly beta2: number;
  readonly oneMinusBeta2: number;
  readonly inverseBiasCorrection2Sqrt: number;
  readonly eps: number;
  readonly stepSize: number;
}

/**
 * The update of one group. Each number is worked out in float64 and rounded once when it is stored: as exact as float32
 * storage allows, and three times as fast in JavaScript as rounding after every operation.
 */
function update(group: AdamWGroup & AdamWMoments, gradient: Float32Array, scalars: UpdateScalars): void {
  const { parameters, expAvg, expAvgSq } = group;
  const { keep, oneMinusBeta1, beta2, oneMinusBeta2, inverseBiasCorrection2Sqrt, eps, stepSize } = scalars;
  for (let i = 0; i < parameters.length; i++) {
    const g = gradient[i];
    const m = expAvg[i] + oneMinusBeta1 * (g - expAvg[i]);
    const v = expAvgSq[i] * beta2 + oneMinusBeta2 * g * g;
    expAvg[i] = m;
    expAvgSq[i] = v;
    parameters[i] = parameters[i] * keep - (stepSize * m) / (Math.sqrt(v) * inverseBiasCorrection2Sqrt + eps);
  }
}
