/**
 * @file The adapter with which a concept is begun: new, or what earlier concepts left, in the form that the strategy
 * needs.
 */
import type { Adapter } from "../adapters/adapter.ts";
import { DEFAULT_KIND } from "../adapters/kinds.ts";
import { loraKind, requireLora, type Lora } from "../adapters/lora.ts";
import { fullMatrix, stackedLora, trainedRank } from "../adapters/stacked-lora.ts";
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { KeepsakeError } from "../errors.ts";
import { adapterSettings, DEFAULT_ADAPTER, type AskedAdapter } from "./learn-settings.ts";
import { type AdapterSettings, newLora, newAdapter } from "../adapters/new-adapter.ts";
import { STRATEGIES } from "../strategies/registry.ts";
import type { Strategy } from "../training/strategy.ts";

/** An adapter and how it is made. */
export interface MadeAdapter {
  readonly adapter: Adapter;
  readonly settings: AdapterSettings;
}

export interface StartingAdapterRequest {
  readonly strategy: Pick<Strategy, "name" | "form" | "loraOnly">;
  readonly asked: AskedAdapter;
  /** What earlier concepts left. */
  readonly known: MadeAdapter | undefined;
  /** Whose adapter it is, for messages. */
  readonly owner: string;
  readonly seed: number;
  readonly concept: string;
}

/**
 * Low-rank adapters are carried on as they are. Stacked and full ones take any adapter in, without loss; none of them
 * can go back to low rank.
 *
 * @throws KeepsakeError if something else is asked for than there is, or the strategy cannot go on from it
 */
export async function startingAdapter(
  pipeline: StableDiffusionPipeline,
  request: StartingAdapterRequest,
): Promise<MadeAdapter> {
  const { strategy, asked, known, owner, seed, concept } = request;
  if (strategy.loraOnly !== undefined) checkIsLora(strategy, known?.adapter.kind ?? asked.kind ?? DEFAULT_KIND);
  switch (strategy.form) {
    case "low-rank":
    case "frozen": {
      if (known !== undefined && known.adapter.form !== "low-rank") throw cannotGoBack(strategy.name, owner);
      const settings = adapterSettings(asked, known?.settings, owner, seed);
      return { adapter: known?.adapter ?? (await newAdapter(pipeline, settings, seed)), settings };
    }
    case "stacked": {
      const carried = known && requireLora(known.adapter);
      const settings = adapterSettings(asked, known && lowRankPart(known, asked), owner, seed);
      const fresh = newLora(pipeline, settings, seed, known && concept);
      return described(stackedLora(fresh, carried), settings.targets);
    }
    case "full": {
      if (asked.rank !== undefined || asked.loraAlpha !== undefined) {
        const fault = `${strategy.name} trains whole matrices, which have no rank and no alpha`;
        throw new KeepsakeError("usage", `${fault}; leave the options out.`);
      }
      const settings = adapterSettings(asked, known?.settings, owner, seed);
      const layout = newLora(pipeline, { ...settings, rank: 1, loraAlpha: 1 }, seed);
      return described(fullMatrix(layout, known && requireLora(known.adapter)), settings.targets);
    }
  }
}

/** The rank and alpha of what is trained on top of a whole matrix. */
function lowRankPart({ adapter, settings }: MadeAdapter, asked: AskedAdapter): AdapterSettings {
  const rank = trainedRank(requireLora(adapter));
  const { targets } = settings;
  if (rank === 0) return adapterSettings({ ...asked, kind: loraKind.name, targets }, undefined, "", 0);
  // The quotient undoes a product of float64 numbers; 12 digits are what a person may have written.
  const loraAlpha = Number(((settings.loraAlpha / settings.rank) * rank).toPrecision(12));
  return { rank, loraAlpha, targets };
}

function described(adapter: Lora, targets: string): MadeAdapter {
  const { rank, loraAlpha } = adapter.layers[0] ?? DEFAULT_ADAPTER;
  return { adapter, settings: { rank, loraAlpha, targets } };
}

/** @throws KeepsakeError ("usage") for another kind */
function checkIsLora({ name, loraOnly = "" }: StartingAdapterRequest["strategy"], kind: string): void {
  if (kind === loraKind.name) return;
  const fitting = namesOfStrategies((other) => other.loraOnly === undefined);
  const fault = `${name} works on a LoRA alone, since ${loraOnly}`;
  throw new KeepsakeError("usage", `${fault}; with ${kind} choose one of ${fitting}.`);
}

function cannotGoBack(strategy: string, owner: string): KeepsakeError {
  const fault = `the adapter of ${owner} holds whole matrices, which ${strategy} cannot train on as a LoRA`;
  const others = namesOfStrategies(({ form }) => form === "stacked" || form === "full");
  return new KeepsakeError("state", `The strategy cannot be changed: ${fault}; go on with one of ${others}.`);
}

/** The strategies for libraries that fit, as they are without options. */
function namesOfStrategies(fits: (strategy: Strategy) => boolean): string {
  const all = STRATEGIES.map((definition) => definition.create());
  return all.flatMap((each) => (each.order === "one-by-one" && fits(each) ? [each.name] : [])).join(", ");
}
