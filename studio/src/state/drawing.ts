/** @file What the person has filled in to draw. It survives a change of the screen, not a reload. */
import { signal } from "@preact/signals";
import type { DrawJobRequest } from "../../../src/studio/api.ts";

export interface DrawForm {
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly n: number;
  /** Absent: another one each time. */
  readonly seed: number | undefined;
  readonly steps: number | undefined;
  readonly guidanceScale: number | undefined;
  readonly scheduler: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
}

export const drawForm = signal<DrawForm>({
  ...{ prompt: "", negativePrompt: "", n: 4, seed: undefined, steps: undefined },
  ...{ guidanceScale: undefined, scheduler: undefined, width: undefined, height: undefined },
});

export function changeDrawing(part: Partial<DrawForm>): void {
  drawForm.value = { ...drawForm.value, ...part };
}

/** Seeds that are easy to read and to type. */
const SEEDS = 1_000_000;

/** What is sent; the seed is always in it, so that the same pictures can be drawn again. */
export function newDrawRequest(): DrawJobRequest {
  const { prompt, negativePrompt, seed, ...rest } = drawForm.value;
  return {
    ...{ kind: "draw", prompt: prompt.trim(), ...rest },
    seed: seed ?? Math.floor(Math.random() * SEEDS),
    ...(negativePrompt.trim() !== "" && { negativePrompt: negativePrompt.trim() }),
  };
}
