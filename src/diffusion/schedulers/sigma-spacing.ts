/**
 * @file Other ways to space the noise levels of a run than at evenly spaced timesteps, as diffusers' switches name
 * them.
 */
import { betaQuantile } from "../../numeric/beta-distribution.ts";
import type { SchedulerConfig } from "./config.ts";
import { linspace } from "./timesteps.ts";

/**
 * Karras et al. 2022; evenly in log σ; by quantiles of a beta distribution (Lee et al. 2024); evenly in λ = -log σ (Lu
 * et al. 2022).
 */
export type SigmaSpacing = "karras" | "exponential" | "beta" | "lu";

const SWITCHES: Readonly<Record<SigmaSpacing, string>> = {
  karras: "use_karras_sigmas",
  exponential: "use_exponential_sigmas",
  beta: "use_beta_sigmas",
  lu: "use_lu_lambdas",
};
const SPACINGS: readonly SigmaSpacing[] = ["karras", "exponential", "beta", "lu"];

/** Both shapes of the beta distribution: more steps at both ends than in the middle. */
const BETA_SHAPE = 0.6;

/**
 * Reads which spacing of σ is switched on, if any.
 * @param supported Those that the sampler has; the others are refused, and so are two at once.
 */
export function readSigmaSpacing(
  config: SchedulerConfig,
  supported: readonly SigmaSpacing[] = ["karras", "exponential", "beta"],
): SigmaSpacing | undefined {
  for (const spacing of SPACINGS) if (!supported.includes(spacing)) config.requireOff(SWITCHES[spacing], false);
  const [chosen, second] = supported.filter((spacing) => config.boolean(SWITCHES[spacing], false));
  if (chosen !== undefined && second !== undefined) {
    throw config.conflict(SWITCHES[second], `${SWITCHES[chosen]} is on, and noise levels have one spacing`);
  }
  return chosen;
}

/** `count` noise levels from `max` down to `min`. */
export function spacedSigmas(spacing: SigmaSpacing, min: number, max: number, count: number): number[] {
  switch (spacing) {
    case "karras":
      return karrasSigmas(min, max, count);
    case "exponential":
    case "lu":
      return exponentialSigmas(min, max, count);
    case "beta":
      return linspace(1, count).map((ramp) => min + (max - min) * betaQuantile(1 - ramp, BETA_SHAPE, BETA_SHAPE));
  }
}

/** Evenly spaced in log σ. */
export function exponentialSigmas(min: number, max: number, count: number): number[] {
  const logMax = Math.log(max);
  const logMin = Math.log(min);
  return linspace(1, count).map((ramp) => Math.exp(logMax + ramp * (logMin - logMax)));
}

/** Evenly spaced in σ^(1/7): Karras et al. 2022, equation 5. */
function karrasSigmas(min: number, max: number, count: number): number[] {
  const rho = 7;
  const minRoot = min ** (1 / rho);
  const maxRoot = max ** (1 / rho);
  return linspace(1, count).map((ramp) => (maxRoot + ramp * (minRoot - maxRoot)) ** rho);
}
