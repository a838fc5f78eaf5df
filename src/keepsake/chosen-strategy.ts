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
import { checkThatAllCount, type OptionValue } from "../training/options.ts";
import {
  createStrategy,
  DEFAULT_STRATEGY,
  findStrategy,
  isStrategy,
  STRATEGY_FOR_ANY_ADAPTER,
} from "../strategies/registry.ts";
import type { Strategy } from "../training/strategy.ts";

/** What a request may say of the strategy. */
export interface AskedStrategy {
  /**
   * A name that `STRATEGIES` knows. Default: the library's last, else `kv-nullspace`; `replay` on an adapter that this
   * cannot use, as is the built-in model's.
   */
  readonly strategy?: string | undefined;
  /**
   * Options of the strategy. Default: what the library was learned with, if this was its last strategy too; else the
   * strategy's own, of `kv-nullspace` the soft form on models with a wide text (SDXL).
   */
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
  { asked = {}, textWidth = 0 }: { readonly asked?: AskedAdapter | undefined; readonly textWidth?: number } = {},
): Strategy {
  const { strategy: last, adapter } = manifest;
  const name = strategy ?? last?.name;
  if (name === undefined) return usualStrategy(adapter ?? asked, textWidth, strategyOptions);
  if (name !== last?.name) return withUsualOptions(name, textWidth, strategyOptions);
  checkIsRegistered(name);
  withValuesOf(folder, () => createStrategy(name, last.options));
  return createStrategy(name, { ...last.options, ...strategyOptions });
}

/** @throws KeepsakeError ("usage") for an option of the request that counts for nothing beside the others */
export function checkStrategyOptions({ strategyOptions = {} }: AskedStrategy, { name, options }: Strategy): void {
  checkThatAllCount(name, findStrategy(name).options, strategyOptions, options);
}

/**
 * With which strategy a new library is learned.
 *
 * @param textWidth - as for {@link chosenStrategy}
 * @throws KeepsakeError ("usage") for an option that it has not, or a value out of range
 */
export function usualStrategy(
  { kind = DEFAULT_KIND, targets: own = DEFAULT_ADAPTER.targets }: AskedAdapter,
  textWidth = 0,
  strategyOptions: Readonly<Record<string, OptionValue>> = {},
): Strategy {
  const { loraOnly, targets } = createStrategy(DEFAULT_STRATEGY);
  const isUsable = (loraOnly === undefined || kind === loraKind.name) && (targets === undefined || targets === own);
  if (!isUsable) return createStrategy(STRATEGY_FOR_ANY_ADAPTER, strategyOptions);
  return withUsualOptions(DEFAULT_STRATEGY, textWidth, strategyOptions);
}

function withUsualOptions(
  name: string,
  textWidth: number,
  strategyOptions: Readonly<Record<string, OptionValue>>,
): Strategy {
  return createStrategy(name, { ...findStrategy(name).usualOptions?.(textWidth), ...strategyOptions });
}

/** @throws KeepsakeError ("state") for a strategy from outside that is not there */
function checkIsRegistered(name: string): void {
  if (isStrategy(name)) return;
  const fault = `The library was learned with the strategy "${name}", which is not registered`;
  throw new KeepsakeError("state", `${fault}: call registerStrategy with it first, or choose another strategy.`);
}
