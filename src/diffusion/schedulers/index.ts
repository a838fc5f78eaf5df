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

export { NoiseSchedule } from "./noise-schedule.ts";
export type { PredictionType } from "./noise-schedule.ts";
export type { NoiseSource, Scheduler, SchedulerStep } from "./scheduler.ts";

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

const CONSTRUCTORS: ReadonlyMap<string, new (config: SchedulerConfig) => Scheduler> = new Map(
  Object.entries({
    DDPMScheduler,
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
 * Makes a scheduler.
 * @param name A class name of diffusers or a short name of {@link SCHEDULERS}.
 * @param config The parsed scheduler_config.json; it may come from another class, whose own options are then ignored.
 * @throws KeepsakeError for a scheduler that does not exist, or an option whose value is not supported (named in the message).
 */
export function createScheduler(name: string, config: unknown, options: SchedulerOptions = {}): Scheduler {
  const { eta = 0, source = "scheduler config" } = options;
  const className = Object.hasOwn(SCHEDULERS, name) ? SCHEDULERS[name] : name;
  if (!(eta >= 0 && eta <= 1)) throw new KeepsakeError("usage", `eta ${eta}: give a number from 0 to 1.`);
  if (className === "DDIMScheduler") return new DDIMScheduler(new SchedulerConfig(config, source), eta);
  const constructor = CONSTRUCTORS.get(className ?? name);
  if (constructor === undefined) {
    const names = Object.keys(SCHEDULERS).join(", ");
    throw new KeepsakeError("input", `scheduler "${name}" is not supported: choose one of ${names}.`);
  }
  if (eta > 0) throw new KeepsakeError("usage", `eta ${eta}: only the ddim scheduler takes it.`);
  return new constructor(new SchedulerConfig(config, source));
}
