/** @file A concept: its pictures, how it was learned, and what can be done with it. */
import { useRef } from "preact/hooks";
import type { StudioConcept } from "../../../../src/studio/api.ts";
import { Icon } from "../../parts/icon.tsx";
import { Picture } from "../../parts/picture.tsx";
import { hrefOf } from "../../state/router.ts";
import { text } from "../../strings.ts";

export type ConceptAction = "teach" | "rename" | "forget" | "export";
const ACTIONS = ["teach", "rename", "export", "forget"] as const satisfies readonly ConceptAction[];

export interface ConceptCardProps {
  readonly concept: StudioConcept;
  /** Its place in the order of learning, from one. */
  readonly place: number;
  readonly onAction: (action: ConceptAction) => void;
}

export function ConceptCard({ concept, place, onAction }: ConceptCardProps) {
  const { name, token, classNoun, steps, strategy, taught, previews } = concept;
  const menu = useRef<HTMLDetailsElement>(null);
  const [first, ...more] = previews;
  /** The focus stays on the card: what is opened gives it back there. */
  const close = () => {
    if (menu.current === null) return;
    menu.current.open = false;
    menu.current.querySelector("summary")?.focus();
  };
  return (
    <li class="card">
      <div class="card-pictures">
        <Picture id={first} alt={text.concepts.previewOf(name)} />
        {more.length > 0 && (
          <div class="card-more">
            {more.slice(0, 3).map((id) => (
              <Picture key={id} id={id} alt="" />
            ))}
          </div>
        )}
      </div>
      <div class="card-line">
        <h2>
          {name} <span class="muted">{classNoun}</span>
        </h2>
        <details
          ref={menu}
          class="menu"
          onKeyDown={({ key }) => {
            if (key === "Escape") close();
          }}
          onFocusOut={({ relatedTarget }) => {
            const goesOut = relatedTarget instanceof Node && menu.current?.contains(relatedTarget) !== true;
            if (menu.current !== null && goesOut) menu.current.open = false;
          }}
        >
          <summary class="button-icon" aria-label={text.concepts.actionsOf(name)}>
            <Icon name="more" />
          </summary>
          <ul>
            {ACTIONS.map((action) => (
              <li key={action}>
                <button
                  type="button"
                  onClick={() => {
                    close();
                    onAction(action);
                  }}
                >
                  {text.concepts.actions[action]}
                </button>
              </li>
            ))}
          </ul>
        </details>
      </div>
      <p class="card-how">{text.concepts.learned(place, { steps, strategy, taught })}</p>
      <a class="card-draw" href={hrefOf("draw", { prompt: text.draw.example(token) })}>
        {text.concepts.draw(name)}
      </a>
    </li>
  );
}
