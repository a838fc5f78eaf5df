/** @file Two pictures from the same noise, one over the other: a slider uncovers the later one. */
import { useState } from "preact/hooks";
import { text } from "../strings.ts";
import { formatPercent } from "./format.ts";
import { Picture } from "./picture.tsx";

export interface BeforeAfterProps {
  readonly concept: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly beforeName: string;
  readonly afterName: string;
}

export function BeforeAfter({ concept, before, after, beforeName, afterName }: BeforeAfterProps) {
  const [percent, setPercent] = useState(50);
  return (
    <div class="before-after" style={{ "--share": `${percent}%` }}>
      <Picture id={after} alt={text.remember.pictureOf(concept, afterName)} />
      <div class="before-after-old">
        <Picture id={before} alt={text.remember.pictureOf(concept, beforeName)} />
      </div>
      <span class="before-after-line" aria-hidden="true" />
      <span class="before-after-name before-after-name-old" aria-hidden="true">
        {beforeName}
      </span>
      <span class="before-after-name before-after-name-new" aria-hidden="true">
        {afterName}
      </span>
      <input
        type="range"
        min={0}
        max={100}
        value={percent}
        aria-label={text.remember.sliderOf(concept)}
        aria-valuetext={text.remember.uncovered(formatPercent(percent / 100), beforeName, afterName)}
        onInput={({ currentTarget }) => {
          setPercent(currentTarget.valueAsNumber);
        }}
      />
    </div>
  );
}
