/**
 * @file Orthogonal initialisation (Staniszewski et al., arXiv 2410.04891): as merge-and-restart, but each new LoRA
 * begins orthogonal to what was merged. Our reading: the rows of A are orthogonal to the leading right singular vectors
 * of the merged matrix and to each other, and as long as they were drawn.
 */
import { requireLora, type Lora } from "../adapters/lora.ts";
import { stackedLayer, stackedRowsOfA } from "../adapters/stacked-lora.ts";
import { leadingDirections, projectOut, secondMoment } from "../numeric/directions.ts";
import { defineStrategy } from "../training/strategy.ts";

export const orthogonalInit = defineStrategy({
  name: "orthogonal-init",
  summary: "as merge-and-restart, each new LoRA beginning orthogonal to the merged ones",
  options: {
    energy: {
      type: "number",
      default: 0.99,
      min: 0,
      max: 1,
      help: "part of the merged matrix's energy whose directions are avoided",
    },
  },
  form: "stacked",
  loraOnly: "it merges the products B A of earlier concepts",
  plan: ({ adapter: lora, earlier }, { energy }) =>
    earlier.length === 0 ? {} : { start: orthogonalStart(requireLora(lora), energy) },
});

/**
 * The numbers of a stacked adapter with the rows of each A made orthogonal. A row for which there is no room left stays
 * as it is drawn.
 */
export function orthogonalStart(lora: Lora, energy: number): Float32Array {
  const start = lora.parameters.slice();
  lora.layers.forEach((_, i) => {
    const { matrix, inFeatures: width } = stackedLayer(lora, i, start);
    const merged = leadingDirections(secondMoment([matrix], width), width, energy);
    const taken = Array.from({ length: merged.count }, (_, k) => merged.rows.slice(k * width, (k + 1) * width));
    const rows = stackedRowsOfA(lora, i, start);
    for (let first = 0; first < rows.length; first += width) {
      const row = rows.subarray(first, first + width);
      const free = row.slice();
      const avoided = { rows: Float64Array.from(taken.flatMap((v) => [...v])), count: taken.length, width };
      // Twice is enough (Kahan, Parlett): the first pass leaves rounding where little of the row remains.
      for (let pass = 0; pass < 2; pass++) projectOut(free, avoided);
      const [length, left] = [norm(row), norm(free)];
      if (left < 1e-3 * length) continue;
      taken.push(Float64Array.from(free, (value) => value / left));
      row.set(free.map((value) => (value * length) / left));
    }
  });
  return start;
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
