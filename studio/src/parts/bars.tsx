/** @file How probable each answer is. */
import type { Bar } from "../../../src/studio/api.ts";
import { text } from "../strings.ts";
import { formatPercent } from "./format.ts";

/** The rest is as good as impossible, and would hide the answer. */
const MOST = 8;

export function Bars({ bars }: { readonly bars: readonly Bar[] }) {
  return (
    <ul class="bars" aria-label={text.ask.barsLabel}>
      {bars.slice(0, MOST).map(({ label, concept, probability, isOut }) => (
        <li key={label} class={`bar-row${concept === undefined ? " bar-ordinary" : ""}${isOut ? " bar-out" : ""}`}>
          <span class="bar-label">
            {label}
            {isOut && <span class="bar-note"> {text.ask.out}</span>}
          </span>
          <span class="bar-track" aria-hidden="true">
            <span class="bar-fill" style={{ inlineSize: `${probability * 100}%` }} />
          </span>
          <span class="bar-number">{formatPercent(probability)}</span>
        </li>
      ))}
    </ul>
  );
}
