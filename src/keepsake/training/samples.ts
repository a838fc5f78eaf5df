/**
 * @file Pictures on the way: what a concept looks like before the first step, every so many steps and at the end,
 * always from the same noise. They are drawn as `keepsake generate` draws the first picture of "a photo of a <name>".
 */
import { isAbsolute, join, relative, sep } from "node:path";
import type { TokenEmbedding } from "../../adapters/textual-inversion.ts";
import { conceptCandidate } from "../../classifier/candidate.ts";
import { KeepsakeError } from "../../errors.ts";
import type { PreparedRun } from "../../learning/concept-run.ts";
import { learnedTokens } from "../../learning/new-tokens.ts";
import type { Library } from "../../library/library.ts";
import { checkWhole, LIMITS } from "../../limits.ts";
import type { Concept } from "../../prompts/concept.ts";
import type { TrainingRun } from "../../training/training-run.ts";
import { isStop, type Warning } from "../operation.ts";
import { Picture } from "../picture.ts";
import { samplerName } from "../picture-parameters.ts";
import type { LoadedModel, Session } from "../session.ts";

/** Which pictures are drawn while a concept is learned. They change nothing of what is learned. */
export interface SampleRequest {
  /** Steps from one sample to the next. The first comes before the first step, the last after the last one. */
  readonly every: number;
  /** Whether the other concepts are drawn as well. Default false: the concept that is taught. */
  readonly others?: boolean;
  /** Folder of a file for each sample, `mochi-0050.png` for step 50. Default: they are told, and not written. */
  readonly folder?: string;
}

/** A picture of a concept as it is after so many steps. */
export interface SampleProgress {
  readonly kind: "sample";
  /** Steps done, over all phases. */
  readonly step: number;
  readonly steps: number;
  /** Name of the concept. */
  readonly concept: string;
  /** With its prompt and seed. */
  readonly picture: Picture;
  /** Where it was written, if it was. */
  readonly file?: string;
}

/** What a sampler works with. */
export interface SamplerMaterial {
  readonly session: Pick<Session, "adapters" | "withRoom">;
  readonly model: LoadedModel & { readonly library: Library };
  readonly prepared: PreparedRun;
  readonly request: SampleRequest;
  readonly signal: AbortSignal | undefined;
  readonly tell: ((progress: SampleProgress | Warning) => void) | undefined;
}

/** The first picture of this seed, as `keepsake generate` and the preview sheet have it. */
const SEED = 0;

/** @throws KeepsakeError ("usage") for a number of steps that makes no sense, or a folder within the library */
export function checkSampleRequest({ every, folder }: SampleRequest, library: string): void {
  checkWhole("The number of steps between samples", every, LIMITS.sampleEvery);
  const way = folder === undefined ? ".." : relative(library, folder);
  if (isAbsolute(way) || way.split(sep)[0] === "..") return;
  const fault = `${folder} lies in the library, which holds no pictures`;
  throw new KeepsakeError("usage", `${fault}; write the samples into another folder.`);
}

/** Draws the samples of one run. */
export class Sampler {
  readonly #material: SamplerMaterial;
  readonly #known: readonly { readonly concept: Concept; readonly embedding: TokenEmbedding }[];
  #canWrite = true;

  private constructor(material: SamplerMaterial, embeddings: readonly TokenEmbedding[]) {
    this.#material = material;
    const taught = material.prepared.concepts[0].name;
    this.#known = material.model.library.concepts
      .map((concept, i) => ({ concept, embedding: embeddings[i] }))
      .filter(({ concept }) => concept.name !== taught);
  }

  static async create(material: SamplerMaterial): Promise<Sampler> {
    return new Sampler(material, await material.model.library.embeddings());
  }

  /** Whether a sample belongs after the steps that a run has done; the last one is drawn in any case. */
  isDue({ step, phase }: TrainingRun): boolean {
    return phase !== "consolidate" && step % this.#material.request.every === 0;
  }

  /** Draws what the run has come to. When the signal fires, what is not drawn yet is left out. */
  async watch(run: TrainingRun): Promise<void> {
    const { prepared, request, signal, tell } = this.#material;
    const [{ name, classNoun }] = prepared.concepts;
    const { adapter, embedding } = run.outcome();
    const [token] = learnedTokens(prepared.tokens, embedding);
    const taught = { concept: { name, token: token.token, classNoun }, embedding: token };
    const embeddings = [...this.#known, taught].map((each) => each.embedding);
    const { step, steps } = run;
    for (const { concept } of [taught, ...(request.others === true ? this.#known : [])]) {
      if (signal?.aborted === true) return;
      const { prompt } = conceptCandidate(concept);
      const picture = await this.#drawOne(prompt, adapter, embeddings);
      if (picture === undefined) return;
      const file = await this.#write(
        picture,
        `${concept.name}-${String(step).padStart(String(steps).length, "0")}.png`,
      );
      tell?.({ kind: "sample", step, steps, concept: concept.name, picture, ...(file !== undefined && { file }) });
    }
  }

  /** @returns undefined if the signal fired meanwhile */
  async #drawOne(
    prompt: string,
    adapter: ReturnType<TrainingRun["outcome"]>["adapter"],
    learnedEmbeddings: readonly TokenEmbedding[],
  ): Promise<Picture | undefined> {
    const { session, model, prepared, signal } = this.#material;
    const { pipeline } = model;
    const { steps, guidanceScale } = pipeline.family;
    const { resolution: side } = prepared.settings;
    try {
      const draw = () =>
        pipeline.generate({
          ...{ prompt, seed: SEED, width: side, height: side },
          ...{ learnedEmbeddings, adapter: session.adapters.bind(adapter), signal },
        });
      const [{ image }] = await session.withRoom(draw);
      const sampler = samplerName(undefined, pipeline);
      const settings = { negativePrompt: "", steps, sampler, guidanceScale };
      return new Picture({ image, prompt, seed: SEED, index: 0, settings });
    } catch (error) {
      if (isStop(error, signal)) return undefined;
      throw error;
    }
  }

  /** A sample that cannot be written is no reason to lose the run. */
  async #write(picture: Picture, name: string): Promise<string | undefined> {
    const { request, tell } = this.#material;
    if (request.folder === undefined || !this.#canWrite) return undefined;
    try {
      return await picture.save(join(request.folder, name));
    } catch (error) {
      if (!(error instanceof KeepsakeError)) throw error;
      this.#canWrite = false;
      tell?.({ kind: "warning", message: `No more samples are written: ${error.message}` });
      return undefined;
    }
  }
}
