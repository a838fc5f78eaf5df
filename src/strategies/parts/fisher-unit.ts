/**
 * @file The unit of Fisher information. Gradients of classifier scores are larger by the inverse of their temperature,
 * and the Fisher information by its square: what was measured with one objective means nothing beside another's.
 */
import { KeepsakeError } from "../../errors.ts";
import type { Objective, StrategyMemory } from "../../training/strategy.ts";

const TEMPERATURE = "score-temperature";

/** What is kept beside Fisher information: the temperature of the scores in it, 0 if there are none. */
export function fisherUnit({ temperature = 0 }: Objective): [string, { shape: number[]; data: Float32Array }] {
  return [TEMPERATURE, { shape: [1], data: Float32Array.of(temperature) }];
}

/**
 * Memory of earlier versions does not say its unit, and is taken to be of the right one.
 *
 * @throws KeepsakeError ("usage") if the Fisher information was measured with another objective
 */
export function checkFisherUnit(memory: StrategyMemory, objective: Objective): void {
  const [, { data: now }] = fisherUnit(objective);
  const { data: kept = now } = memory.get(TEMPERATURE) ?? {};
  if (kept[0] === now[0]) return;
  const fault = `The library remembers Fisher information ${inWords(kept[0])}, and the strategy is made for that ${inWords(now[0])}`;
  throw new KeepsakeError(
    "usage",
    `${fault}; ${advice(kept[0], now[0])}, or choose one that keeps none, such as replay.`,
  );
}

function inWords(temperature: number): string {
  return temperature === 0 ? "of the denoising error" : `of classifier scores at temperature ${shown(temperature)}`;
}

function advice(kept: number, now: number): string {
  if (kept === 0) return "choose one without scores, such as ewc";
  if (now === 0) return "choose one with scores at that temperature, such as ewc-dc";
  return `give it the option temperature=${shown(kept)}`;
}

/** It was rounded when it was kept. */
function shown(temperature: number): number {
  return Number(temperature.toPrecision(6));
}
