/** @file A concept as an earlier state drew it, and as the current one does. */
import { BeforeAfter } from "../../parts/before-after.tsx";
import { formatPercent } from "../../parts/format.ts";
import { levelOf } from "../../parts/matrix.tsx";
import { Picture } from "../../parts/picture.tsx";
import { cellOf, currentState, timeline } from "../../state/memory.ts";
import { text } from "../../strings.ts";

export interface RememberConceptProps {
  readonly concept: string;
  /** Id of the state to compare with; absent: the first kept one that knows it. */
  readonly from: string | undefined;
}

export function RememberConcept({ concept, from }: RememberConceptProps) {
  const knowing = timeline.value.filter(({ presentNames }) => presentNames.includes(concept));
  const now = currentState.value;
  const after = knowing.find(({ id }) => id === now?.id) ?? knowing.at(-1);
  const before = knowing.find(({ id }) => id === from) ?? knowing[0];
  if (before === undefined || after === undefined) return null;
  const [old, current] = [cellOf(before.id, concept), cellOf(after.id, concept)];
  const isGone = after.id !== now?.id;
  return (
    <figure class="development" id={`concept-${concept}`}>
      <figcaption>
        {concept}
        <span class="development-note">
          {isGone
            ? text.remember.notInCurrent
            : before.id === after.id
              ? text.remember.justLearned
              : current !== undefined && text.remember.verdict(levelOf(current.change), formatPercent(current.change))}
        </span>
      </figcaption>
      {before.id === after.id ? (
        <Picture id={current?.pictures[0]} alt={text.remember.pictureOf(concept, text.remember.now)} />
      ) : (
        <BeforeAfter
          concept={concept}
          before={old?.pictures[0]}
          after={current?.pictures[0]}
          beforeName={before === knowing[0] ? text.remember.first : text.history.change(before.change)}
          afterName={isGone ? text.history.change(after.change) : text.remember.now}
        />
      )}
    </figure>
  );
}
