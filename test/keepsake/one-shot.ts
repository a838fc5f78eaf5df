/**
 * @file Each verb of the facade in one call, as the command line uses it: opened, asked once, and closed.
 */
import { Keepsake, type OpenOptions } from "../../src/keepsake/keepsake.ts";
import { learnConcept as learn } from "../../src/keepsake/learn.ts";
import type {
  LearnConceptProgress,
  LearnConceptRequest,
  LearnConceptResult,
} from "../../src/keepsake/learn-request.ts";
import type { LearnAllRequest } from "../../src/keepsake/learn-all.ts";
import type { GenerateFilesRequest } from "../../src/keepsake/generate.ts";
import type { ClassifyRequest as Classify } from "../../src/keepsake/classify.ts";
import { initLibrary as init, type InitRequest } from "../../src/keepsake/init.ts";
import type { PreviewsRequest } from "../../src/keepsake/previews/preview-last-learn.ts";
import { Session } from "../../src/keepsake/session.ts";
import type { UnlearnRequest as Unlearn } from "../../src/keepsake/unlearn-concept.ts";
import type { VerifyReport } from "../../src/keepsake/verify.ts";
import type { Library } from "../../src/library/library.ts";

/** Where something is done. */
export interface Where extends Pick<OpenOptions, "model" | "program"> {
  readonly library: string;
}

/** Warnings come apart from other news. */
interface Warned<Progress> {
  readonly onProgress?: (progress: Exclude<Progress, { kind: "warning" }>) => void;
  readonly onWarning?: (message: string) => void;
}

export type { ClassifiedPicture, ClassifyProgress } from "../../src/keepsake/classify.ts";
export type LearnResult = LearnConceptResult;
export type LearnProgress = Exclude<LearnConceptProgress, { kind: "warning" }>;
export type LearnRequest = Where & Omit<LearnConceptRequest, "onProgress"> & Warned<LearnConceptProgress>;
export type GenerateRequest = Omit<Where, "library"> & { readonly library?: string } & Omit<
    GenerateFilesRequest,
    "onProgress"
  > & { readonly onWarning?: (message: string) => void };
export type ClassifyRequest = Where & Classify;
export type UnlearnRequest = Where & Unlearn & { readonly onStep?: (step: number, steps: number) => void };

export async function learnConcept(request: LearnRequest): Promise<LearnConceptResult> {
  const { library, model, program, onProgress, onWarning, ...rest } = request;
  const session = new Session(library, { model, program });
  const tell = (progress: LearnConceptProgress) => {
    if (progress.kind === "warning") onWarning?.(progress.message);
    else onProgress?.(progress);
  };
  try {
    return await learn(session, { ...rest, onProgress: tell });
  } finally {
    await session.close();
  }
}

export function learnAll({ library, model, program, ...request }: Where & LearnAllRequest) {
  return once({ library, model, program }, (keepsake) => keepsake.learnAll(request));
}

export function generatePictures(request: GenerateRequest): Promise<readonly string[]> {
  const { library, model, program, onWarning, ...rest } = request;
  const onProgress: GenerateFilesRequest["onProgress"] = (progress) => {
    if (progress.kind === "warning") onWarning?.(progress.message);
  };
  const where = { library: library ?? "no library", model, program, create: library === undefined };
  return once(where, (keepsake) => keepsake.generateFiles({ ...rest, onProgress }));
}

export function classifyPictures({ library, model, program, ...request }: ClassifyRequest) {
  return once({ library, model, program }, (keepsake) => keepsake.classify(request));
}

export function previewLastLearn({ library, model, program, ...request }: Where & PreviewsRequest) {
  return once({ library, model, program }, (keepsake) => keepsake.previews(request));
}

export function unlearnConcept({ library, model, program, onStep, ...request }: UnlearnRequest) {
  const watched: Unlearn = { onProgress: ({ step, steps }) => onStep?.(step, steps), ...request };
  return once({ library, model, program }, (keepsake) => keepsake.unlearn(watched));
}

export function verifyLibrary(library: string): Promise<VerifyReport> {
  return once({ library }, (keepsake) => keepsake.verify());
}

export function initLibrary({ library, model, ...request }: Omit<Where, "program"> & InitRequest): Promise<Library> {
  return init(new Session(library, { model }), request);
}

async function once<Result>(
  { library, ...options }: OpenOptions & { readonly library: string },
  work: (keepsake: Keepsake) => PromiseLike<Result>,
): Promise<Result> {
  const keepsake = await Keepsake.open(library, { ...options, lazy: true });
  try {
    return await work(keepsake);
  } finally {
    await keepsake.close();
  }
}
