/** @file What the person has filled in to teach a concept. It survives a reload of the page. */
import { computed, effect, signal } from "@preact/signals";
import type { LearnJobRequest, LearnSettings, NamesCheck, StudioConcept } from "../../../src/studio/api.ts";
import type { Again } from "./contract.ts";
import { teachPhotos } from "./photos.ts";
import { concepts, studio } from "./studio.ts";

/** How much of the default number of steps a preset takes. */
export const PRESETS = { quick: 0.25, normal: 1, careful: 2 } as const;
export type Preset = keyof typeof PRESETS;
export const PRESET_NAMES = ["quick", "normal", "careful"] as const satisfies readonly Preset[];

export interface Form {
  readonly name: string;
  readonly classNoun: string;
  /** What is to become of the concept, if the library knows it. */
  readonly again: Again;
  readonly preset: Preset;
  /** What was chosen in the expert's drawer. */
  readonly settings: LearnSettings;
}

const KEY = "keepsake-teach";
const EMPTY: Form = { name: "", classNoun: "", again: "more", preset: "normal", settings: {} };

export const form = signal<Form>(stored());

effect(() => {
  sessionStorage.setItem(KEY, JSON.stringify(form.value));
});

export function change(part: Partial<Form>): void {
  form.value = { ...form.value, ...part };
}

export function clearForm(): void {
  form.value = EMPTY;
}

/** The name without the brackets that it has in prompts. */
const typedName = computed(() => form.value.name.trim().replace(/^<(.*)>$/, "$1"));

/** The concept of that name, if the library knows it; it is then taught again. */
export const knownConcept = computed(() => concepts.value.find(({ name }) => name === typedName.value));

/** What becomes of the concept, if the library knows it. A run that is unfinished goes on as it was begun. */
export const again = computed<Again | undefined>(() => {
  if (isUnfinished.value) return studio.value?.unfinished?.again;
  return knownConcept.value && form.value.again;
});

/** Whether what is filled in goes on with the run that was stopped or killed. */
export const isUnfinished = computed(() => studio.value?.unfinished?.name === typedName.value);

/** Name and class noun as they will be used. What is taught more stays of its kind. */
export const names = computed(() => ({
  name: typedName.value,
  classNoun: again.value === "more" && knownConcept.value ? knownConcept.value.classNoun : form.value.classNoun.trim(),
}));

/** Fills in a concept that the library knows, to teach it more photos. */
export function teachMore({ name, classNoun }: Pick<StudioConcept, "name" | "classNoun">): void {
  change({ name, classNoun, again: "more" });
}

/** What the server says of them; absent until it has. */
export const namesCheck = signal<NamesCheck | undefined>(undefined);

/** Steps of a preset on this library's model. */
export function presetSteps(preset: Preset): number {
  return Math.round((studio.value?.defaults.learningSteps ?? 400) * PRESETS[preset]);
}

/** What would be sent now; absent while something is missing. */
export const request = computed<LearnJobRequest | undefined>(() => {
  const { name, classNoun } = names.value;
  const photos = teachPhotos.value.map(({ id }) => id);
  if (name === "" || classNoun === "" || photos.length === 0) return undefined;
  const { preset, settings } = form.value;
  const hasLength = settings.steps !== undefined || settings.budget !== undefined;
  return {
    kind: "learn",
    ...{ name, classNoun, photos },
    ...(again.value !== undefined && { again: again.value }),
    settings: { ...settings, ...(!hasLength && preset !== "normal" && { steps: presetSteps(preset) }) },
  };
});

function stored(): Form {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    return typeof kept === "object" && kept !== null ? { ...EMPTY, ...kept } : EMPTY;
  } catch {
    return EMPTY;
  }
}
