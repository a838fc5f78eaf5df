/** @file The schedulers (samplers) by name, configured from the `scheduler_config.json` of a diffusers folder. */
import { KeepsakeError } from "../../errors.ts";
import { SchedulerConfig } from "./config.ts";
import { DDIMScheduler } from "./ddim.ts";
import { DDPMScheduler } from "./ddpm.ts";
import { DPMSolverMultistepScheduler } from "./dpm-solver-multistep.ts";
import { EulerAncestralDiscreteScheduler } from "./euler-ancestral.ts";
import { EulerDiscreteScheduler } from "./euler.ts";
import { LCMScheduler } from "./lcm.ts";
import { PNDMScheduler } from "./pndm.ts";
import type { Scheduler } from "./scheduler.ts";
import { UniPCMultistepScheduler } from "./unipc-multistep.ts";

export { NoiseSchedule, type PredictionType } from "./noise-schedule.ts";
export type { NoiseSource, Scheduler, SchedulerStep } from "./scheduler.ts";

/** What makes a scheduler; `eta` is for DDIM alone. */
type Constructor = new (config: SchedulerConfig, eta?: number) => Scheduler;

/** Class names in diffusers, by the short names of the command line. */
export const SCHEDULERS: Readonly<Record<string, string>> = {
  ddpm: "DDPMScheduler",
  ddim: "DDIMScheduler",
  pndm: "PNDMScheduler",
  euler: "EulerDiscreteScheduler",
  "euler-a": "EulerAncestralDiscreteScheduler",
  dpmpp2m: "DPMSolverMultistepScheduler",
  unipc: "UniPCMultistepScheduler",
  lcm: "LCMScheduler",
};

const CONSTRUCTORS: ReadonlyMap<string, Constructor> = new Map<string, Constructor>(
  Object.entries({
    DDPMScheduler,
    DDIMScheduler,
    PNDMScheduler,
    EulerDiscreteScheduler,
    EulerAncestralDiscreteScheduler,
    DPMSolverMultistepScheduler,
    UniPCMultistepScheduler,
    LCMScheduler,
  }),
);

/** What is not in the config. */
export interface SchedulerOptions {
  /** DDIM's share of ancestral noise, in [0, 1]; 0 (deterministic) by default. */
  readonly eta?: number;
  /** How error messages call the config, for example its path. */
  readonly source?: string;
}

/**
 * The class name of a scheduler that goes by this name.
 * @param name A class name of diffusers or a short name of {@link SCHEDULERS}.
 * @throws KeepsakeError ("usage") for a scheduler that does not exist.
 */
export function schedulerClass(name: string): string {
  const className = Object.hasOwn(SCHEDULERS, name) ? SCHEDULERS[name] : name;
  if (CONSTRUCTORS.has(className)) return className;
  const names = Object.keys(SCHEDULERS).join(", ");
  throw new KeepsakeError("usage", `scheduler "${name}" is not supported: choose one of ${names}.`);
}

/**
 * Makes a scheduler.
 * @param name A class name of diffusers or a short name of {@link SCHEDULERS}.
 * @param config The parsed scheduler_config.json. If its `_class_name` is another class, what it says of the model holds,
 *   and the rest is left to the defaults of this class, as with diffusers' `from_config`; but PNDM then runs without
 *   Runge-Kutta steps, the only way in which it runs here.
 * @throws KeepsakeError ("usage") for a scheduler that does not exist, ("input") for an option whose value is not
 *   supported, which the message names.
 */
export function createScheduler(name: string, config: unknown, options: SchedulerOptions = {}): Scheduler {
  const { eta = 0, source = "scheduler config" } = options;
  const className = schedulerClass(name);
  if (!(eta >= 0 && eta <= 1)) throw new KeepsakeError("usage", `eta ${eta}: give a number from 0 to 1.`);
  if (eta > 0 && className !== "DDIMScheduler") {
    throw new KeepsakeError("usage", `eta ${eta}: only the ddim scheduler takes it.`);
  }
  const constructor = CONSTRUCTORS.get(className);
  if (constructor === undefined) throw new RangeError(`no constructor for ${className}`);
  return new constructor(new SchedulerConfig(config, source, className), eta);
}
