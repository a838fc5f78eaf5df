/**
 * @file In which way a concept is learned so that it fits the memory: everything that the backward pass needs is kept,
 * or recomputed. The two round differently, so a resumed run stays with the way in which it was begun.
 */
import { likelyBytes, type ProgramCost } from "../../diffusion/program-cost.ts";
import type { StableDiffusionPipeline } from "../../diffusion/pipeline.ts";
import { vaeScaleFactor } from "../../diffusion/config/autoencoder-kl-config.ts";
import { KeepsakeError } from "../../errors.ts";
import { availableMemory } from "../../io/available-memory.ts";
import { denoiserOf, type PreparedRun } from "../../learning/concept-run.ts";
import { DenoiserPool } from "../../training/denoiser-pool.ts";
import { formatBytes } from "../../units.ts";
import type { Session } from "../session.ts";

/** `full`: everything is kept for the backward pass; `checkpointing`: blocks are recomputed in it. */
export type MemoryMode = "full" | "checkpointing";

/**
 * How often a run holds its adapter: as it is, as it began, its gradient, as the snapshot, and as that file's bytes. Of
 * an adapter that carries whole matrices that is hundreds of megabytes (bench/README.md).
 */
const ADAPTER_COPIES = 5;

/** Bytes that a run holds of its adapter, beside what the adapter takes in programs. */
export function adapterBytes({ made: { adapter } }: { readonly made: Pick<PreparedRun["made"], "adapter"> }): number {
  return ADAPTER_COPIES * adapter.parameters.byteLength;
}

/**
 * The first mode that likely fits, else the frugal one if it may fit.
 *
 * @param cost - of a training step in a mode
 * @param free - bytes
 * @returns undefined if neither fits
 */
export function chosenMode(cost: (mode: MemoryMode) => ProgramCost, free: number): MemoryMode | undefined {
  if (likelyBytes(cost("full"), "training") <= free) return "full";
  return cost("checkpointing").leastBytes <= free ? "checkpointing" : undefined;
}

/**
 * The largest resolution below another one for which there is memory.
 *
 * @param step - what resolutions are multiples of
 * @param leastBytes - that a resolution takes
 */
export function fittingResolution(
  resolution: number,
  step: number,
  leastBytes: (resolution: number) => number,
  free: number,
): number | undefined {
  const below = Math.ceil(resolution / step) - 1;
  // Memory goes with the square of the side or faster, so that few have to be tried.
  for (let count = below; count >= 1; count = Math.min(count - 1, Math.floor(count * 0.9))) {
    if (leastBytes(count * step) <= free) return count * step;
  }
  return undefined;
}

/**
 * Programs for a run, in a mode that fits.
 *
 * @param asked - whether to checkpoint; absent: what is free decides
 * @throws KeepsakeError ("environment") with what would fit
 */
export function poolInMemory(
  { program }: Pick<Session, "program">,
  pipeline: StableDiffusionPipeline,
  prepared: PreparedRun,
  asked: boolean | undefined,
  free = availableMemory().memory,
): DenoiserPool {
  const room = free - adapterBytes(prepared);
  const pools = new Map<MemoryMode, DenoiserPool>();
  const poolOf = (mode: MemoryMode) => {
    const pool = pools.get(mode) ?? new DenoiserPool(pipeline, { ...program, checkpointing: mode === "checkpointing" });
    pools.set(mode, pool);
    return pool;
  };
  const cost = (mode: MemoryMode) => denoiserOf(poolOf(mode), prepared).cost(true);
  // The memory of other devices is not known.
  const isKnown = (program.provider ?? "cpu") === "cpu";
  const mode = asked === undefined ? (isKnown ? chosenMode(cost, room) : "full") : asked ? "checkpointing" : "full";
  if (mode === undefined || (isKnown && cost(mode).leastBytes > room)) {
    const frugal = mode ?? "checkpointing";
    const { settings } = prepared;
    const { resolution } = settings;
    const smaller = (side: number) => {
      const pool = poolOf(frugal);
      return denoiserOf(pool, { ...prepared, settings: { ...settings, resolution: side } }).cost(true).leastBytes;
    };
    const step = Math.max(64, vaeScaleFactor(pipeline.vae.config));
    const fitting = fittingResolution(resolution, step, smaller, room);
    const need = formatBytes(cost(frugal).leastBytes + adapterBytes(prepared));
    const how = frugal === "checkpointing" ? " even with checkpointing" : "";
    const fault = `Learning at ${resolution}x${resolution} pixels needs at least ${need} of memory${how}`;
    throw new KeepsakeError(
      "environment",
      `${fault}, and ${formatBytes(free)} are free; ${adapterAdvice(prepared, free) ?? advice(fitting, mode)}.`,
    );
  }
  const pool = poolOf(mode);
  denoiserOf(pool, prepared).checkMemory();
  return pool;
}

/** Where the adapter alone fills the memory: whole matrices of a wide model, which other strategies do without. */
function adapterAdvice({ made: { adapter } }: PreparedRun, free: number): string | undefined {
  if (adapter.form === "low-rank" || adapterBytes({ made: { adapter } }) < free / 2) return undefined;
  const size = formatBytes(adapter.parameters.byteLength);
  return `the strategy's adapter takes ${size}, several times over; --strategy ewc-dc has a small one`;
}

function advice(fitting: number | undefined, mode: MemoryMode | undefined): string {
  const frugal = mode === "full" ? ", and --checkpointing takes less" : "";
  if (fitting !== undefined) return `--resolution ${fitting} would fit${frugal}`;
  return `use a smaller --batch-size${frugal}, or close other programs`;
}
