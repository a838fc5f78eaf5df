/** @file How far something is. */
import { text } from "../strings.ts";
import { formatPercent } from "./format.ts";

export interface MeterProps {
  readonly label: string;
  /** In [0, 1]; absent: it goes on, and there is no telling how far it is. */
  readonly share: number | undefined;
}

export function Meter({ label, share }: MeterProps) {
  const isKnown = share !== undefined;
  return (
    <div
      class={isKnown ? "meter" : "meter meter-unknown"}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={isKnown ? Math.round(share * 100) : undefined}
      aria-valuetext={isKnown ? formatPercent(share) : text.common.working}
    >
      <span class="meter-fill" style={{ inlineSize: isKnown ? `${share * 100}%` : undefined }} />
    </div>
  );
}
