/** @file What to draw, and how. */
import { Choice } from "../../parts/choice.tsx";
import { Field, NumberField } from "../../parts/field.tsx";
import { Icon } from "../../parts/icon.tsx";
import { NamedChoice } from "../../parts/named-choice.tsx";
import { PromptField } from "../../parts/prompt-field.tsx";
import { changeDrawing as change, drawForm, newDrawRequest } from "../../state/drawing.ts";
import { tellFault } from "../../state/messages.ts";
import { concepts, start, studio } from "../../state/studio.ts";
import { schedulerWords, text } from "../../strings.ts";

const COUNTS = ["1", "2", "4", "8"] as const;

export function DrawForm() {
  const form = drawForm.value;
  const draw = () => {
    if (form.prompt.trim() === "") return;
    void tellFault(() => start(newDrawRequest()));
  };
  return (
    <form
      class="draw-form"
      onSubmit={(event) => {
        event.preventDefault();
        draw();
      }}
    >
      <PromptField
        label={text.draw.prompt}
        value={form.prompt}
        placeholder={text.draw.example(concepts.value[0]?.token ?? text.draw.anything)}
        onChange={(prompt) => {
          change({ prompt });
        }}
        onSubmit={draw}
      />
      <Choice
        label={text.draw.count}
        values={COUNTS}
        value={COUNTS.find((count) => Number(count) === form.n) ?? "4"}
        nameOf={(count) => count}
        onChange={(count) => {
          change({ n: Number(count) });
        }}
      />
      <button type="submit" class="button-main button-wide" disabled={form.prompt.trim() === ""}>
        <Icon name="draw" />
        {text.draw.draw}
      </button>
      <details class="expert">
        <summary>{text.draw.more}</summary>
        <MoreSettings />
      </details>
    </form>
  );
}

function MoreSettings() {
  const form = drawForm.value;
  const defaults = studio.value?.defaults;
  const drawing = defaults?.drawing;
  return (
    <div class="expert-fields">
      <div class="expert-wide">
        <Field label={text.draw.negative} hint={text.draw.negativeHint}>
          {(control) => (
            <input
              {...control}
              maxLength={2000}
              value={form.negativePrompt}
              onInput={({ currentTarget }) => {
                change({ negativePrompt: currentTarget.value });
              }}
            />
          )}
        </Field>
      </div>
      <NumberField
        label={text.draw.seed}
        value={form.seed}
        min={0}
        step={1}
        otherwise={text.draw.anySeed}
        onChange={(seed) => {
          change({ seed });
        }}
      />
      <NumberField
        label={text.draw.steps}
        value={form.steps}
        min={1}
        max={1000}
        step={1}
        otherwise={String(drawing?.steps ?? "")}
        onChange={(steps) => {
          change({ steps });
        }}
      />
      <NumberField
        label={text.draw.guidance}
        value={form.guidanceScale}
        min={0}
        step="any"
        otherwise={String(drawing?.guidanceScale ?? "")}
        onChange={(guidanceScale) => {
          change({ guidanceScale });
        }}
      />
      <NamedChoice
        label={text.draw.scheduler}
        values={studio.value?.schedulers ?? []}
        value={form.scheduler}
        byDefault={drawing?.scheduler ?? ""}
        wordsOf={schedulerWords}
        onChange={(scheduler) => {
          change({ scheduler });
        }}
      />
      <NumberField
        label={text.draw.width}
        value={form.width}
        min={8}
        step={8}
        otherwise={String(defaults?.width ?? "")}
        onChange={(width) => {
          change({ width });
        }}
      />
      <NumberField
        label={text.draw.height}
        value={form.height}
        min={8}
        step={8}
        otherwise={String(defaults?.height ?? "")}
        onChange={(height) => {
          change({ height });
        }}
      />
    </div>
  );
}
