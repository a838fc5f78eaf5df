/** @file The kept states, newest first, and the way to each. */
import { Icon } from "../../parts/icon.tsx";
import type { KeptState } from "../../state/contract.ts";
import { currentState, timeline } from "../../state/memory.ts";
import { tell, tellFault } from "../../state/messages.ts";
import { finish, isOver, jobs, studio } from "../../state/studio.ts";
import { text } from "../../strings.ts";
import type { JobRequest } from "../../../../src/studio/api.ts";

export function RememberTimeline() {
  const history = studio.value?.history;
  if (history === undefined) return null;
  const unfinished = studio.value?.unfinished;
  const isChanging = unfinished !== undefined || jobs.value.some((job) => !isOver(job) && job.request.kind === "learn");
  const place = timeline.value.findIndex(({ id }) => id === currentState.value?.id);
  return (
    <section class="history" aria-labelledby="history">
      <h2 id="history">{text.history.title}</h2>
      <div class="actions">
        <button
          type="button"
          class="button"
          disabled={history.states.length < 2 || isChanging}
          onClick={() => void move({ kind: "undo" })}
        >
          <Icon name="undo" />
          {text.history.undo}
        </button>
        <button
          type="button"
          class="button"
          disabled={history.later.length === 0 || isChanging}
          onClick={() => void move({ kind: "redo" })}
        >
          <Icon name="redo" />
          {text.history.redo}
        </button>
      </div>
      {unfinished !== undefined && <p class="hint">{text.history.blocked(unfinished.name)}</p>}
      <ol class="timeline">
        {[...timeline.value].reverse().map((state, index, all) => (
          <TimelineState key={state.id} state={state} isLater={all.length - 1 - index > place} canGo={!isChanging} />
        ))}
      </ol>
      {history.aside.length > 0 && (
        <>
          <h3>{text.history.aside}</h3>
          <ol class="timeline">
            {history.aside.map((state) => (
              <TimelineState key={state.id} state={state} isLater canGo={!isChanging} />
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

interface TimelineStateProps {
  readonly state: KeptState;
  readonly isLater: boolean;
  readonly canGo: boolean;
}

function TimelineState({ state: { id, change, concepts }, isLater, canGo }: TimelineStateProps) {
  const isCurrent = id === currentState.value?.id;
  const name = text.history.change(change);
  return (
    <li class={isCurrent ? "state state-now" : isLater ? "state state-later" : "state"}>
      <div>
        <span class="state-name">{name}</span>
        <span class="hint">{concepts.length === 0 ? text.history.nothing : concepts.join(", ")}</span>
      </div>
      {isCurrent ? (
        <span class="tag">{text.remember.now}</span>
      ) : (
        <button
          type="button"
          class="button-plain"
          disabled={!canGo}
          aria-label={text.history.goToState(name)}
          onClick={() => void move({ kind: "undo", to: id })}
        >
          {text.history.goTo}
        </button>
      )}
    </li>
  );
}

async function move(request: Extract<JobRequest, { readonly kind: "undo" | "redo" }>): Promise<void> {
  const job = await tellFault(() => finish(request));
  if (job?.fault !== undefined) tell(job.fault.message);
  else if (job?.result?.kind === "undo" || job?.result?.kind === "redo") {
    tell(text.history.done(text.history.change(job.result.facts.change)), false);
  }
}
