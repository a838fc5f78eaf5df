/**
 * @file The adapter with which a concept is begun: new, or what earlier concepts left, in the form that the strategy needs.
 */
import type { Lora } from "../adapters/lora.ts";
import { carriesMatrix, fullMatrix, stackedLora, trainedRank } from "../adapters/stacked-lora.ts";
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { KeepsakeError } from "../errors.ts";
import { adapterSettings, DEFAULT_ADAPTER } from "./learn-settings.ts";
import { newLora, type AdapterSettings } from "./library/library.ts";
import type { Strategy } from "./strategies/strategy.ts";

/** An adapter and how it is made. */
export interface MadeAdapter {
  readonly lora: Lora;
  readonly settings: AdapterSettings;
}

export interface StartingAdapterRequest {
  readonly strategy: Pick<Strategy, "name" | "form">;
  readonly asked: Partial<AdapterSettings>;
  /** What earlier concepts left. */
  readonly known: MadeAdapter | undefined;
  /** Whose adapter it is, for messages. */
  readonly owner: string;
  readonly seed: number;
  readonly concept: string;
}

/**
 * Low-rank adapters are carried on as they are. Stacked and full ones take any adapter in, without loss; none of them can go back to low rank.
 *
 * @throws KeepsakeError if something else is asked for than there is, or the strategy cannot go on from it
 */
export function startingAdapter(pipeline: StableDiffusionPipeline, request: StartingAdapterRequest): MadeAdapter {
  const { strategy, asked, known, owner, seed, concept } = request;
  switch (strategy.form) {
    case "low-rank":
    case "frozen": {
      if (known !== undefined && carriesMatrix(known.lora)) throw cannotGoBack(strategy.name, owner);
      const settings = adapterSettings(asked, known?.settings, owner);
      return { lora: known?.lora ?? newLora(pipeline, settings, seed), settings };
    }
    case "stacked": {
      const settings = adapterSettings(asked, known && lowRankPart(known, asked), owner);
      const fresh = newLora(pipeline, settings, seed, known && concept);
      return described(stackedLora(fresh, known?.lora), settings.targets);
    }
    case "full": {
      if (asked.rank !== undefined || asked.loraAlpha !== undefined) {
        const fault = `${strategy.name} trains whole matrices, which have no rank and no alpha`;
        throw new KeepsakeError("usage", `${fault}; leave the options out.`);
      }
      const settings = adapterSettings(asked, known?.settings, owner);
      const layout = newLora(pipeline, { ...settings, rank: 1, loraAlpha: 1 }, seed);
      return described(fullMatrix(layout, known?.lora), settings.targets);
    }
  }
}

/** The rank and alpha of what is trained on top of a whole matrix. */
function lowRankPart({ lora, settings }: MadeAdapter, asked: Partial<AdapterSettings>): AdapterSettings {
  const rank = trainedRank(lora);
  const { targets } = settings;
  if (rank === 0) return adapterSettings({ ...asked, targets }, undefined, "");
  // The quotient undoes a product of float64 numbers; 12 digits are what a person may have written.
  const loraAlpha = Number(((settings.loraAlpha / settings.rank) * rank).toPrecision(12));
  return { rank, loraAlpha, targets };
}

function described(lora: Lora, targets: string): MadeAdapter {
  const { rank, loraAlpha } = lora.layers[0] ?? DEFAULT_ADAPTER;
  return { lora, settings: { rank, loraAlpha, targets } };
}

function cannotGoBack(strategy: string, owner: string): KeepsakeError {
  const fault = `the adapter of ${owner} holds whole matrices, which ${strategy} cannot train on as a LoRA`;
  const others = "c-lora, merge-and-restart, orthogonal-init, kv-nullspace or custom-diffusion";
  return new KeepsakeError("state", `The strategy cannot be changed: ${fault}; go on with ${others}.`);
}
