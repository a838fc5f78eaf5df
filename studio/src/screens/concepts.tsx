/** @file Concepts: what the library knows, a card each. Without any, it is the first screen of a newcomer. */
import { useEffect, useState } from "preact/hooks";
import type { StudioConcept } from "../../../src/studio/api.ts";
import { Icon } from "../parts/icon.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Unfinished } from "../parts/unfinished.tsx";
import { go, hrefOf } from "../state/router.ts";
import { concepts, isIdle } from "../state/studio.ts";
import { teachMore } from "../state/teaching.ts";
import { startUnasked } from "../state/unasked.ts";
import { text } from "../strings.ts";
import { ConceptCard, type ConceptAction } from "./concepts/concept-card.tsx";
import { ExportDialog } from "./concepts/export-dialog.tsx";
import { ForgetDialog } from "./concepts/forget-dialog.tsx";
import { RenameDialog } from "./concepts/rename-dialog.tsx";
import { Welcome } from "./concepts/welcome.tsx";

export function Concepts() {
  const [open, setOpen] = useState<{ readonly action: ConceptAction; readonly concept?: StudioConcept }>();
  useEffect(drawMissingPreviews, [concepts.value, isIdle.value]);
  const known = concepts.value;
  if (known.length === 0) return <Welcome />;
  const close = () => {
    setOpen(undefined);
  };
  return (
    <>
      <PageHead title={text.concepts.title} lead={text.concepts.lead(known.length)}>
        <button
          type="button"
          class="button"
          onClick={() => {
            setOpen({ action: "export" });
          }}
        >
          <Icon name="save" />
          {text.concepts.exportAll}
        </button>
        <a class="button-main" href={hrefOf("teach")}>
          <Icon name="teach" />
          {text.concepts.teach}
        </a>
      </PageHead>
      <Unfinished />
      <ul class="cards">
        {known.map((concept, index) => (
          <ConceptCard
            // Not the name: a card that is renamed keeps the focus.
            key={`place ${index}`}
            concept={concept}
            place={index + 1}
            onAction={(action) => {
              if (action !== "teach") {
                setOpen({ action, concept });
                return;
              }
              teachMore(concept);
              go("teach");
            }}
          />
        ))}
      </ul>
      {open?.action === "rename" && open.concept !== undefined && (
        <RenameDialog concept={open.concept} onClose={close} />
      )}
      {open?.action === "forget" && open.concept !== undefined && (
        <ForgetDialog concept={open.concept} onClose={close} />
      )}
      {open?.action === "export" && <ExportDialog concept={open.concept} onClose={close} />}
    </>
  );
}

function drawMissingPreviews(): void {
  if (concepts.value.some(({ previews }) => previews.length === 0)) startUnasked({ kind: "previews" });
}
