/** @file Forgetting a concept, in three ways that differ in what is left. */
import { useState } from "preact/hooks";
import type { JobRequest, StudioConcept } from "../../../../src/studio/api.ts";
import { Choice } from "../../parts/choice.tsx";
import { Dialog } from "../../parts/dialog/dialog.tsx";
import { tell, tellFault } from "../../state/messages.ts";
import { finish } from "../../state/studio.ts";
import { text } from "../../strings.ts";

const WAYS = ["token", "unlearn", "purge"] as const;
type Way = (typeof WAYS)[number];

function requestOf(way: Way, name: string): JobRequest {
  return way === "unlearn" ? { kind: "unlearn", name } : { kind: "forget", name, purge: way === "purge" };
}

export function ForgetDialog({ concept, onClose }: { readonly concept: StudioConcept; readonly onClose: () => void }) {
  const [way, setWay] = useState<Way>("token");
  const { name } = concept;
  const forget = async () => {
    onClose();
    const job = await tellFault(() => finish(requestOf(way, name)));
    if (job?.fault !== undefined) tell(job.fault.message);
    else if (job?.result?.kind === "forget" || job?.result?.kind === "unlearn") {
      tell(text.forget.done(name, job.result.facts.remains, job.result.facts.heldBy), false);
    }
  };
  return (
    <Dialog title={text.forget.title(name)} onClose={onClose}>
      <Choice
        label={text.forget.how}
        values={WAYS}
        value={way}
        nameOf={(each) => text.forget.ways[each].name}
        aboutOf={(each) => text.forget.ways[each].about}
        onChange={setWay}
      />
      <p class="hint">{text.forget.limit}</p>
      <footer class="actions">
        <button type="button" class="button-danger" onClick={() => void forget()}>
          {text.forget.confirm(name)}
        </button>
      </footer>
    </Dialog>
  );
}
