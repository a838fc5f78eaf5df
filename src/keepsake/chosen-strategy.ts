/**
 * @file With which strategy a concept is learned, where the request leaves it open: as the library was learned so far, else the best that its adapter can take.
 */
import { DEFAULT_ADAPTER, type AskedAdapter } from "../learning/learn-settings.ts";
import type { Library } from "../library/library.ts";
import { withValuesOf } from "../library/manifest/manifest.ts";
import type { OptionValue } from "../training/options.ts";
import { createStrategy, DEFAULT_STRATEGY, STRATEGY_FOR_ANY_ADAPTER } from "../strategies/registry.ts";
import type { Strategy } from "../training/strategy.ts";

/** What a request may say of the strategy. */
export interface AskedStrategy {
  /** A name that `STRATEGIES` knows. Default: the library's last, else `kv-nullspace`; `ewc-dc` on an adapter that this cannot use. */
  readonly strategy?: string | undefined;
  /** Options of the strategy that are not left to their defaults, or to what the library was learned with. */
  readonly strategyOptions?: Readonly<Record<string, OptionValue>> | undefined;
}

/** @throws KeepsakeError ("usage") for a name or option that does not exist, or a value out of range */
export function chosenStrategy(
  { strategy, strategyOptions = {} }: AskedStrategy,
  { folder, manifest }: Pick<Library, "folder" | "manifest">,
  asked: AskedAdapter = {},
): Strategy {
  if (strategy !== undefined) return createStrategy(strategy, strategyOptions);
  const { strategy: last, adapter } = manifest;
  if (last !== undefined) {
    withValuesOf(folder, () => createStrategy(last.name, last.options));
    return createStrategy(last.name, { ...last.options, ...strategyOptions });
  }
  const { kind = "lora", targets = DEFAULT_ADAPTER.targets } = adapter ?? asked;
  const isUsual = kind === "lora" && targets === DEFAULT_ADAPTER.targets;
  return createStrategy(isUsual ? DEFAULT_STRATEGY : STRATEGY_FOR_ANY_ADAPTER, strategyOptions);
}
