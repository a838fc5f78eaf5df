/** @file Which screen is shown: the part of the address after `#/`, so that the server need not know of it. */
import { signal } from "@preact/signals";
import { dismissFaults } from "./messages.ts";

export const SCREENS = ["concepts", "teach", "watch", "remember", "draw", "ask", "settings"] as const;
export type Screen = (typeof SCREENS)[number];

export interface Route {
  readonly screen: Screen;
  /** What follows the screen: `#/draw?prompt=...`. */
  readonly query: URLSearchParams;
}

function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  return { screen: SCREENS.find((name) => name === path) ?? "concepts", query: new URLSearchParams(query) };
}

export const route = signal(parse(location.hash));

addEventListener("hashchange", () => {
  route.value = parse(location.hash);
  dismissFaults();
});

export function hrefOf(screen: Screen, query: Readonly<Record<string, string>> = {}): string {
  const more = new URLSearchParams(query).toString();
  return `#/${screen}${more === "" ? "" : `?${more}`}`;
}

export function go(screen: Screen, query?: Readonly<Record<string, string>>): void {
  location.hash = hrefOf(screen, query);
}
