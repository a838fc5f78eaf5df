/**
 * @file With which strategy a concept is learned, where the request leaves it open: as the library was learned so far,
 * else the best that its adapter can take.
 */
import { DEFAULT_KIND } from "../adapters/kinds.ts";
import { loraKind } from "../adapters/lora.ts";
import { KeepsakeError } from "../errors.ts";
import { DEFAULT_ADAPTER, type AskedAdapter } from "../learning/learn-settings.ts";
import type { Library } from "../library/library.ts";
import { withValuesOf } from "../library/manifest/manifest.ts";
import type { OptionValue } from "../training/options.ts";
import { createStrategy, DEFAULT_STRATEGY, isStrategy, STRATEGY_FOR_ANY_ADAPTER } from "../strategies/registry.ts";
import type { Strategy } from "../training/strategy.ts";

/**
 * The default strategy's adapter carries whole matrices, and a run holds it five times: 153 MB at the size of Stable
 * Diffusion 1, whose text is 768 wide, about 4 GB at SDXL's, with 2048. Above this width its soft form is chosen, which
 * trains one LoRA.
 */
const WIDEST_FOR_MATRICES = 1024;

/** What a request may say of the strategy. */
export interface AskedStrategy {
  /**
   * A name that `STRATEGIES` knows. Default: the library's last, else `kv-nullspace`, in its soft form on models with a
   * wide text (SDXL); `replay` on an adapter that this cannot use, as is the built-in
   * model's.
   */
  readonly strategy?: string | undefined;
  /** Options of the strategy that are not left to their defaults, or to what the library was learned with. */
  readonly strategyOptions?: Readonly<Record<string, OptionValue>> | undefined;
}

/**
 * @param asked - of the adapter
 * @param textWidth - of the model's text, `[positions, width]`
 * @throws KeepsakeError ("usage") for a name or option that does not exist, or a value out of range
 */
export function chosenStrategy(
  { strategy, strategyOptions = {} }: AskedStrategy,
  { folder, manifest }: Pick<Library, "folder" | "manifest">,
  { asked = {}, textWidth }: { readonly asked?: AskedAdapter | undefined; readonly textWidth?: number } = {},
): Strategy {
  if (strategy !== undefined) return createStrategy(strategy, strategyOptions);
  const { strategy: last, adapter } = manifest;
  if (last !== undefined) {
    checkIsRegistered(last.name);
    withValuesOf(folder, () => createStrategy(last.name, last.options));
    return createStrategy(last.name, { ...last.options, ...strategyOptions });
  }
  return usualStrategy(adapter ?? asked, textWidth, strategyOptions);
}

/**
 * With which strategy a new library is learned.
 *
 * @param textWidth - as for {@link chosenStrategy}
 * @throws KeepsakeError ("usage") for an option that it has not, or a value out of range
 */
export function usualStrategy(
  { kind = DEFAULT_KIND, targets: own = DEFAULT_ADAPTER.targets }: AskedAdapter,
  textWidth?: number,
  strategyOptions: Readonly<Record<string, OptionValue>> = {},
): Strategy {
  const { loraOnly, targets } = createStrategy(DEFAULT_STRATEGY);
  const isUsable = (loraOnly === undefined || kind === loraKind.name) && (targets === undefined || targets === own);
  if (!isUsable) return createStrategy(STRATEGY_FOR_ANY_ADAPTER, strategyOptions);
  const isWide = textWidth !== undefined && textWidth > WIDEST_FOR_MATRICES;
  return createStrategy(DEFAULT_STRATEGY, { ...(isWide && { mode: "soft" }), ...strategyOptions });
}

/** @throws KeepsakeError ("state") for a strategy from outside that is not there */
function checkIsRegistered(name: string): void {
  if (isStrategy(name)) return;
  const fault = `The library was learned with the strategy "${name}", which is not registered`;
  throw new KeepsakeError("state", `${fault}: call registerStrategy with it first, or choose another strategy.`);
}
