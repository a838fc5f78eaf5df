/**
 * @file Pictures from a prompt, with everything that a library has learned.
 */
import { tokenNames } from "../adapters/textual-inversion.ts";
import type { GenerateOptions, GenerationStep, StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { withoutWeights } from "../diffusion/prompt/prompt-weights.ts";
import { schedulerClass } from "../diffusion/schedulers/index.ts";
import { eachOnce } from "../each-once.ts";
import { KeepsakeError } from "../errors.ts";
import { checkPngFile, checkReplaceable } from "../io/images/picture-file.ts";
import { makeWritable } from "../io/folder.ts";
import type { Learned } from "../library/library-model.ts";
import { checkWhole, LIMITS } from "../limits.ts";
import { readKnownWords, unknownWordsWarning } from "../prompts/known-words.ts";
import { checkPromptLength, promptHints } from "../prompts/prompt-hints.ts";
import type { Warning, Watched } from "./operation.ts";
import { Picture, type SaveOptions } from "./picture.ts";
import { type ExtraFiles, readExtras } from "./files/extra-files.ts";
import { samplerName } from "./picture-parameters.ts";
import type { Session } from "./session.ts";

/** What is drawn, and how. Sizes are in pixels. */
export interface GenerateRequest
  extends
    Pick<GenerateOptions, "prompt" | "negativePrompt" | "steps" | "guidanceScale" | "scheduler" | "seed">,
    Pick<GenerateOptions, "n" | "firstIndex" | "width" | "height" | "clipSkip">,
    ExtraFiles,
    Watched<GenerateProgress> {}

/** What there is to tell while pictures are drawn. */
export type GenerateProgress =
  | Warning
  | ({ readonly kind: "step" } & GenerationStep)
  /** A picture is done. */
  | { readonly kind: "picture"; readonly picture: Picture };

/** As {@link GenerateRequest}, for pictures that go into files. */
export interface GenerateFilesRequest extends Omit<GenerateRequest, "n" | "firstIndex">, SaveOptions {
  /** Where to write each picture (PNG). */
  readonly files: readonly string[];
}

/**
 * Draws pictures with everything that the library has learned, or with the model alone if there is no library.
 *
 * @throws KeepsakeError if the prompt is empty, an option makes no sense, or library and model do not go together; the
 *   signal's reason when aborted
 */
export async function generatePictures(session: Session, request: GenerateRequest): Promise<readonly Picture[]> {
  const { n = 1, firstIndex = 0, ...rest } = request;
  checkWhole("The number of pictures", n, LIMITS.pictures);
  checkRequest(rest);
  const pictures: Picture[] = [];
  await drawEach(session, rest, { count: n, firstIndex }, (picture) => {
    pictures.push(picture);
    request.onProgress?.({ kind: "picture", picture });
  });
  return pictures;
}

/**
 * Draws one picture for each file and writes it as soon as it is done. The same request again gives the same files with
 * the same bytes.
 *
 * @returns the files
 * @throws KeepsakeError as {@link generatePictures}, and if a file cannot be written
 */
export async function generateFiles(session: Session, request: GenerateFilesRequest): Promise<readonly string[]> {
  const { files, existing = "replace", metadata, ...rest } = request;
  checkRequest(rest);
  for (const file of files) {
    checkPngFile(file, "a picture");
    if (existing === "replace") await checkReplaceable(file);
  }
  await session.library();
  const removeIfEmpty = await makeWritable(files);
  try {
    const written: string[] = [];
    await drawEach(session, rest, { count: files.length, firstIndex: 0 }, async (picture, warn) => {
      const { file, replaced } = await picture.write(files[written.length], { existing, metadata });
      if (replaced) warn(`${file} held another drawing, which is replaced.`);
      written.push(file);
      rest.onProgress?.({ kind: "picture", picture });
    });
    return written;
  } finally {
    await removeIfEmpty();
  }
}

/** @throws KeepsakeError ("usage") before any work */
function checkRequest({
  prompt,
  negativePrompt,
  scheduler,
  clipSkip,
}: Pick<GenerateRequest, "prompt" | "negativePrompt" | "scheduler" | "clipSkip">): void {
  if (withoutWeights(prompt) === "") throw new KeepsakeError("usage", "The prompt is empty; say what to draw.");
  checkPromptLength("prompt", prompt);
  checkPromptLength("negative prompt", negativePrompt ?? "");
  if (scheduler !== undefined) schedulerClass(scheduler);
  if (clipSkip !== undefined) checkWhole("Clip skip", clipSkip, LIMITS.clipSkip);
}

/** Draws pictures one by one; each is handed over before the next is begun. */
async function drawEach(
  session: Session,
  { signal, onProgress, loras, embeddings, ...request }: Omit<GenerateRequest, "n" | "firstIndex">,
  { count, firstIndex }: { readonly count: number; readonly firstIndex: number },
  take: (picture: Picture, warn: (message: string) => void) => void | Promise<void>,
): Promise<void> {
  const library = await session.library();
  const model = await session.model(library);
  const learned = await session.learned(model);
  const { pipeline } = model;
  // Pictures are drawn one by one, and each has the same to say.
  const onWarning = eachOnce((message) => onProgress?.({ kind: "warning", message }));
  const { family } = pipeline;
  const { prompt, seed = 0, steps = family.steps, guidanceScale = family.guidanceScale } = request;
  const { negativePrompt = "", clipSkip } = request;
  const sampler = samplerName(request.scheduler, pipeline);
  const settings = { negativePrompt, steps, sampler, guidanceScale, clipSkip };
  const owner = library && session.folder;
  const words = `${withoutWeights(prompt)}\n${withoutWeights(negativePrompt)}`;
  const extras = await readExtras(pipeline, { loras, embeddings }, words, learned.embeddings);
  const learnedEmbeddings = [...learned.embeddings, ...extras.embeddings];
  const hints = await hintsFor(
    { ...request, guidanceScale },
    { ...learned, embeddings: learnedEmbeddings },
    owner,
    pipeline,
  );
  for (const hint of [...hints, ...extras.warnings]) onWarning(hint);
  const adapters = [...(learned.adapter ? [{ adapter: learned.adapter, scale: 1 }] : []), ...extras.adapters];
  const adapter = adapters.length === 0 ? undefined : session.adapters.bindAll(adapters);
  for (let index = firstIndex; index < firstIndex + count; index++) {
    const draw = () =>
      pipeline.generate({
        ...{ ...request, steps, guidanceScale, onWarning, n: 1, firstIndex: index },
        ...{ learnedEmbeddings, adapter, signal },
        onStep: (step) => onProgress?.({ kind: "step", ...step }),
      });
    const [{ image }] = await session.withRoom(draw);
    await take(new Picture({ image, prompt, seed, index, settings }), onWarning);
  }
}

/** What the prompts seem to mean and do not say, and what the model does not understand. */
async function hintsFor(
  { prompt, negativePrompt = "", guidanceScale }: GenerateRequest,
  { concepts, embeddings }: Learned,
  owner: string | undefined,
  pipeline: StableDiffusionPipeline,
): Promise<string[]> {
  const names = concepts.map(({ name }) => name);
  const hints = promptHints(prompt, negativePrompt, {
    names,
    tokens: embeddings.flatMap(tokenNames).map((token) => token.toLowerCase()),
    library: owner,
  });
  if ((guidanceScale === 0 || guidanceScale === 1) && negativePrompt !== "") {
    hints.push(`With guidance ${guidanceScale} nothing is led away from: the negative prompt has no effect.`);
  }
  const { note } = pipeline.checkpoint;
  if (note !== undefined) hints.push(note);
  const words = await readKnownWords(pipeline.checkpoint.path);
  const asked = [prompt, negativePrompt].map(withoutWeights).join(" ");
  const unknown = words && unknownWordsWarning(asked, words, names);
  return unknown === undefined ? hints : [...hints, unknown];
}
