/** @file Remember: what each training run did to the concepts before it, and the way back. */
import { useEffect, useState } from "preact/hooks";
import { Icon } from "../parts/icon.tsx";
import { Matrix } from "../parts/matrix.tsx";
import { Meter } from "../parts/meter.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Unfinished } from "../parts/unfinished.tsx";
import { cellOf, currentState, isIncomplete, rememberedConcepts, timeline } from "../state/memory.ts";
import { tellFault } from "../state/messages.ts";
import { shareDone } from "../state/progress.ts";
import { hrefOf } from "../state/router.ts";
import { isIdle, isOver, latest, start } from "../state/studio.ts";
import { startUnasked } from "../state/unasked.ts";
import { text } from "../strings.ts";
import { RememberConcept } from "./remember/remember-concept.tsx";
import { RememberTimeline } from "./remember/remember-timeline.tsx";

export function Remember() {
  const [chosen, setChosen] = useState<Readonly<Record<string, string>>>({});
  const job = latest("remember");
  const isBusy = job !== undefined && !isOver(job);
  useEffect(() => {
    if (isIncomplete.value) startUnasked({ kind: "remember" });
  }, [isIncomplete.value, isIdle.value]);
  const rows = rememberedConcepts.value;
  if (rows.length === 0) {
    return (
      <>
        <PageHead title={text.remember.title} lead={text.remember.empty} />
        <a class="button-main" href={hrefOf("teach")}>
          {text.watch.toTeach}
        </a>
      </>
    );
  }
  const columns = timeline.value
    .filter(({ concepts }) => concepts.length > 0)
    .map(({ id, change, presentNames }) => ({
      ...{
        state: id,
        concepts: presentNames,
        name: text.history.change(change),
        isCurrent: id === currentState.value?.id,
      },
    }));
  return (
    <>
      <PageHead title={text.remember.title} lead={text.remember.lead}>
        {isIncomplete.value && !isBusy && (
          <button type="button" class="button-main" onClick={compare}>
            <Icon name="again" />
            {text.remember.compare}
          </button>
        )}
      </PageHead>
      <Unfinished />
      {isBusy && (
        <section class="status" aria-label={text.jobs.remember}>
          <div class="status-line">{text.remember.comparing}</div>
          <Meter label={text.jobs.remember} share={shareDone(job)} />
        </section>
      )}
      <div class="remember">
        <section class="remember-concepts" aria-labelledby="remember-concepts">
          <h2 id="remember-concepts">{text.remember.beforeAfter}</h2>
          <div class="remember-grid">
            {rows.map((concept) => (
              <RememberConcept key={concept} concept={concept} from={chosen[concept]} />
            ))}
          </div>
        </section>
        <RememberTimeline />
        <section class="remember-matrix" aria-labelledby="remember-matrix">
          <h2 id="remember-matrix">{text.remember.matrix}</h2>
          <p class="hint">{text.remember.matrixHint}</p>
          <Matrix
            rows={rows}
            columns={columns}
            cellOf={cellOf}
            onChoose={(state, concept) => {
              setChosen({ ...chosen, [concept]: state });
              document.getElementById(`concept-${concept}`)?.scrollIntoView({ block: "center" });
            }}
          />
          <ul class="legend" aria-label={text.remember.legend}>
            {text.remember.levels.map((name, level) => (
              <li key={name}>
                <span class={`swatch cell-level-${level}`} aria-hidden="true" />
                {name}
              </li>
            ))}
          </ul>
        </section>
      </div>
    </>
  );
}

function compare(): void {
  void tellFault(() => start({ kind: "remember" }));
}
