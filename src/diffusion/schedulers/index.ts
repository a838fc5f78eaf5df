/**
 * @file The schedulers (samplers) by name; others are added by {@link registerScheduler}. They are configured from the
 * `scheduler_config.json` of a diffusers folder.
 */
import { KeepsakeError } from "../../errors.ts";
import { checkRegisteredName } from "../../registry.ts";
import { SchedulerConfig } from "./config.ts";
import { DDIMScheduler } from "./discrete/ddim.ts";
import { DDPMScheduler } from "./discrete/ddpm.ts";
import { DEISMultistepScheduler } from "./solvers/deis-multistep.ts";
import { DPMSolverMultistepScheduler } from "./solvers/dpm-solver-multistep.ts";
import { DPMSolverSinglestepScheduler } from "./solvers/dpm-solver-singlestep.ts";
import { EulerAncestralDiscreteScheduler } from "./sigma/euler-ancestral.ts";
import { EulerDiscreteScheduler } from "./sigma/euler.ts";
import { HeunDiscreteScheduler } from "./sigma/heun.ts";
import { KDPM2AncestralDiscreteScheduler } from "./sigma/kdpm2-ancestral.ts";
import { KDPM2DiscreteScheduler } from "./sigma/kdpm2.ts";
import { LCMScheduler } from "./discrete/lcm.ts";
import { LMSDiscreteScheduler } from "./sigma/lms.ts";
import { PNDMScheduler } from "./discrete/pndm.ts";
import type { Scheduler } from "./scheduler.ts";
import { TCDScheduler } from "./discrete/tcd.ts";
import { UniPCMultistepScheduler } from "./solvers/unipc-multistep.ts";

export { NoiseSchedule, type PredictionType } from "./noise-schedule.ts";
export { SchedulerConfig } from "./config.ts";
export type { NoiseSource, Scheduler, SchedulerStep } from "./scheduler.ts";

/** A scheduler that can be chosen by name. */
export interface SchedulerClass {
  /** Its class in diffusers, as a `scheduler_config.json` names it; its own if diffusers has none. */
  readonly className: string;
  /** @param eta - in [0, 1]; above 0 only for a scheduler that takes it */
  readonly create: (config: SchedulerConfig, eta: number) => Scheduler;
  /** Whether it takes a share of noise, as DDIM and TCD do. Default false. */
  readonly takesEta?: boolean;
}

/** DPM-Solver++ under the names that other programs give its variants. */
function solverVariant(options: Readonly<Record<string, unknown>>): SchedulerClass {
  return {
    className: "DPMSolverMultistepScheduler",
    create: (config) => new DPMSolverMultistepScheduler(config.with(options)),
  };
}

const STOCHASTIC = { algorithm_type: "sde-dpmsolver++" };
const KARRAS = {
  use_karras_sigmas: true,
  use_exponential_sigmas: false,
  use_beta_sigmas: false,
  use_lu_lambdas: false,
};

const schedulers = new Map<string, SchedulerClass>(
  Object.entries({
    ddpm: { className: "DDPMScheduler", create: (config) => new DDPMScheduler(config) },
    ddim: { className: "DDIMScheduler", create: (config, eta) => new DDIMScheduler(config, eta), takesEta: true },
    pndm: { className: "PNDMScheduler", create: (config) => new PNDMScheduler(config) },
    euler: { className: "EulerDiscreteScheduler", create: (config) => new EulerDiscreteScheduler(config) },
    "euler-a": {
      className: "EulerAncestralDiscreteScheduler",
      create: (config) => new EulerAncestralDiscreteScheduler(config),
    },
    dpmpp2m: solverVariant({}),
    unipc: { className: "UniPCMultistepScheduler", create: (config) => new UniPCMultistepScheduler(config) },
    lcm: { className: "LCMScheduler", create: (config) => new LCMScheduler(config) },
    "dpmpp2m-karras": solverVariant(KARRAS),
    "dpmpp2m-sde": solverVariant(STOCHASTIC),
    "dpmpp2m-sde-karras": solverVariant({ ...STOCHASTIC, ...KARRAS }),
    dpmpp2s: {
      className: "DPMSolverSinglestepScheduler",
      create: (config) => new DPMSolverSinglestepScheduler(config),
    },
    heun: { className: "HeunDiscreteScheduler", create: (config) => new HeunDiscreteScheduler(config) },
    kdpm2: { className: "KDPM2DiscreteScheduler", create: (config) => new KDPM2DiscreteScheduler(config) },
    "kdpm2-a": {
      className: "KDPM2AncestralDiscreteScheduler",
      create: (config) => new KDPM2AncestralDiscreteScheduler(config),
    },
    lms: { className: "LMSDiscreteScheduler", create: (config) => new LMSDiscreteScheduler(config) },
    deis: { className: "DEISMultistepScheduler", create: (config) => new DEISMultistepScheduler(config) },
    tcd: { className: "TCDScheduler", create: (config, eta) => new TCDScheduler(config, eta), takesEta: true },
  } satisfies Record<string, SchedulerClass>),
);

/** The names of the schedulers on the command line. Registered ones come last. */
export function schedulerNames(): readonly string[] {
  return [...schedulers.keys()];
}

/**
 * Adds a scheduler: from then on pictures can be drawn with it by its name, and checkpoints that name its class use it.
 *
 * @param name - on the command line: lower-case letters, digits and `-`
 * @throws KeepsakeError ("usage") if there is one of that name or class, or the name cannot be one
 * @example
 * ```ts
 * import { NoiseSchedule, registerScheduler, type Scheduler } from "keepsake/diffusion";
 *
 * // DDIM without noise (Song et al. 2021), for models that predict the noise or v.
 * class PlainDdim implements Scheduler {
 *   readonly className = "PlainDdim";
 *   readonly initNoiseSigma = 1;
 *   readonly noiseSchedule: NoiseSchedule;
 *   timesteps: readonly number[] = [];
 *
 *   constructor(config: unknown) {
 *     this.noiseSchedule = new NoiseSchedule(config);
 *   }
 *   setTimesteps(steps: number) {
 *     const stride = this.noiseSchedule.numTrainTimesteps / steps;
 *     this.timesteps = Array.from({ length: steps }, (_, i) => Math.floor((steps - i) * stride) - 1);
 *   }
 *   scaleModelInput(sample: Float32Array) {
 *     return sample;
 *   }
 *   step(output: Float32Array, index: number, sample: Float32Array) {
 *     const alphaOf = (timestep?: number) => (timestep === undefined ? 1 : this.noiseSchedule.alphaCumprod(timestep));
 *     const [now, next] = [alphaOf(this.timesteps[index]), alphaOf(this.timesteps[index + 1])];
 *     const [signal, noise] = [Math.sqrt(now), Math.sqrt(1 - now)];
 *     const predictsV = this.noiseSchedule.predictionType === "v_prediction";
 *     const predOriginalSample = sample.map((x, i) =>
 *       predictsV ? signal * x - noise * output[i] : (x - noise * output[i]) / signal,
 *     );
 *     const prevSample = predOriginalSample.map(
 *       (x, i) => Math.sqrt(next) * x + (Math.sqrt(1 - next) * (sample[i] - signal * x)) / noise,
 *     );
 *     return { prevSample, predOriginalSample };
 *   }
 *   addNoise(original: Float32Array, noise: Float32Array, indices: ArrayLike<number>) {
 *     const timesteps = Array.from(indices, (index) => this.timesteps[index]);
 *     return this.noiseSchedule.addNoise(original, noise, timesteps);
 *   }
 * }
 *
 * registerScheduler("plain-ddim", { className: "PlainDdim", create: (config) => new PlainDdim(config) });
 * ```
 */
export function registerScheduler(name: string, scheduler: SchedulerClass): void {
  if (schedulers.get(name) === scheduler) return;
  checkRegisteredName(name, "a scheduler");
  const { className } = scheduler;
  if (find(name) !== undefined || find(className) !== undefined) {
    const fault = `There is a scheduler "${find(name) ? name : className}" already`;
    throw new KeepsakeError("usage", `${fault}; register it under another name and class.`);
  }
  schedulers.set(name, scheduler);
}

/** By short name or class name. */
function find(name: string): SchedulerClass | undefined {
  return schedulers.get(name) ?? [...schedulers.values()].find(({ className }) => className === name);
}

/** What is not in the config. */
export interface SchedulerOptions {
  /** The share of noise of DDIM and TCD, in [0, 1]; 0 (deterministic) by default. */
  readonly eta?: number;
  /** How error messages call the config, for example its path. */
  readonly source?: string;
}

/**
 * The class name of a scheduler that goes by this name.
 * @param name A class name of diffusers or a short name of {@link schedulerNames}.
 * @throws KeepsakeError ("usage") for a scheduler that does not exist.
 */
export function schedulerClass(name: string): string {
  return findScheduler(name).className;
}

function findScheduler(name: string): SchedulerClass {
  const found = find(name);
  if (found !== undefined) return found;
  const names = schedulerNames().join(", ");
  throw new KeepsakeError("usage", `scheduler "${name}" is not supported: choose one of ${names}.`);
}

/** Whether there is a scheduler of this class. */
export function isSchedulerClass(className: string): boolean {
  return [...schedulers.values()].some((each) => each.className === className);
}

/**
 * Makes a scheduler.
 * @param name A class name of diffusers or a short name of {@link schedulerNames}.
 * @param config The parsed scheduler_config.json. If its `_class_name` is another class, what it says of the model
 *   holds, and the rest is left to the defaults of this class, as with diffusers' `from_config`; but PNDM then runs
 *   without Runge-Kutta steps, the only way in which it runs here.
 * @throws KeepsakeError ("usage") for a scheduler that does not exist, ("input") for an option whose value is not
 *   supported, which the message names.
 */
export function createScheduler(name: string, config: unknown, options: SchedulerOptions = {}): Scheduler {
  const { eta = 0, source = "scheduler config" } = options;
  const { className, create, takesEta = false } = findScheduler(name);
  if (!(eta >= 0 && eta <= 1)) throw new KeepsakeError("usage", `eta ${eta}: give a number from 0 to 1.`);
  if (eta > 0 && !takesEta) {
    const takers = [...schedulers].filter(([, each]) => each.takesEta === true).map(([key]) => key);
    throw new KeepsakeError("usage", `eta ${eta}: only these schedulers take it: ${takers.join(", ")}.`);
  }
  return create(new SchedulerConfig(config, source, className), eta);
}
