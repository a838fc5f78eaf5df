/** @file How thoroughly it is learned: three presets, and a drawer for those who know more. */
import type { LearnSettings } from "../../../../src/studio/api.ts";
import { Choice } from "../../parts/choice.tsx";
import { NumberField } from "../../parts/field.tsx";
import { NamedChoice } from "../../parts/named-choice.tsx";
import { studio } from "../../state/studio.ts";
import { change, form, PRESET_NAMES, presetSteps } from "../../state/teaching.ts";
import { strategyWords, text } from "../../strings.ts";

export function TeachHow() {
  const { preset, settings } = form.value;
  return (
    <>
      <Choice
        label={text.teach.preset}
        isLabelHidden
        values={PRESET_NAMES}
        value={preset}
        nameOf={(each) => text.teach.presets[each].name}
        aboutOf={(each) => text.teach.presets[each].about(presetSteps(each))}
        onChange={(each) => {
          change({ preset: each, settings: { ...settings, steps: undefined, budget: undefined } });
        }}
      />
      <details class="expert" open={Object.values(settings).some((value) => value !== undefined)}>
        <summary>{text.expert.title}</summary>
        <Expert settings={settings} steps={presetSteps(preset)} />
      </details>
    </>
  );
}

function Expert({ settings, steps }: { readonly settings: LearnSettings; readonly steps: number }) {
  const strategies = studio.value?.strategies ?? [];
  const defaults = studio.value?.defaults;
  const set = (part: LearnSettings) => {
    change({ settings: { ...settings, ...part } });
  };
  return (
    <div class="expert-fields">
      <div class="expert-wide">
        <NamedChoice
          label={text.expert.strategy}
          values={strategies.map(({ name }) => name)}
          value={settings.strategy}
          byDefault={defaults?.strategy ?? ""}
          wordsOf={(each) => strategyWords(each, strategies.find(({ name }) => name === each)?.about)}
          onChange={(strategy) => {
            set({ strategy });
          }}
        />
      </div>
      <NumberField
        label={text.expert.steps}
        value={settings.steps}
        min={1}
        step={1}
        otherwise={String(steps)}
        onChange={(value) => {
          set({ steps: value, budget: undefined });
        }}
      />
      <NumberField
        label={text.expert.budget}
        value={settings.budget === undefined ? undefined : settings.budget / 60}
        min={1}
        step="any"
        otherwise={text.expert.none}
        onChange={(value) => {
          set({ budget: value === undefined ? undefined : value * 60, steps: undefined });
        }}
      />
      <NumberField
        label={text.expert.learningRate}
        value={settings.learningRate}
        min={0}
        step="any"
        otherwise={text.expert.automatic}
        onChange={(value) => {
          set({ learningRate: value });
        }}
      />
      <NumberField
        label={text.expert.rank}
        value={settings.rank}
        min={1}
        step={1}
        otherwise={text.expert.automatic}
        onChange={(value) => {
          set({ rank: value });
        }}
      />
      <NumberField
        label={text.expert.resolution}
        value={settings.resolution}
        min={8}
        step={8}
        otherwise={String(defaults?.resolution ?? "")}
        onChange={(value) => {
          set({ resolution: value });
        }}
      />
      <NumberField
        label={text.expert.seed}
        value={settings.seed}
        min={0}
        step={1}
        otherwise="0"
        onChange={(value) => {
          set({ seed: value });
        }}
      />
      <NumberField
        label={text.expert.sampleEvery}
        value={settings.sampleEvery}
        min={0}
        step={1}
        otherwise={text.expert.quarter}
        onChange={(value) => {
          set({ sampleEvery: value });
        }}
      />
      <label class="inline">
        <input
          type="checkbox"
          checked={settings.flip ?? false}
          onChange={({ currentTarget }) => {
            set({ flip: currentTarget.checked ? true : undefined });
          }}
        />
        {text.expert.flip}
      </label>
    </div>
  );
}
