/** @file Which ranks an adapter may have. */
import { KeepsakeError } from "../errors.ts";
import type { ModuleTarget } from "./modules.ts";

const HIGHEST_RANK = 4096;

/** @throws KeepsakeError ("usage") unless it is a rank */
export function checkRank(rank: number, kind: string): void {
  if (Number.isInteger(rank) && rank >= 1 && rank <= HIGHEST_RANK) return;
  throw new KeepsakeError("usage", `${kind} rank must be a whole number from 1 to ${HIGHEST_RANK}, got ${rank}`);
}

/**
 * A product B A of a layer has at most the rank of its shorter side: a larger one only takes memory.
 *
 * @throws KeepsakeError ("usage") if the rank is larger than the shorter side of every layer
 */
export function checkRankFits(rank: number, modules: readonly ModuleTarget[]): void {
  const most = Math.max(...modules.map(({ shape }) => Math.min(shape.inFeatures, shape.outFeatures)));
  if (rank <= most) return;
  throw new KeepsakeError(
    "usage",
    `Rank ${rank} is larger than the sides of these layers: at most ${most} makes sense.`,
  );
}
