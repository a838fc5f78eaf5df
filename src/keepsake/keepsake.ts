/**
 * @file The facade: a library of concepts on a model, opened once. Each verb is a file of its own, which is loaded when
 * the verb is first used, so that what needs no model starts fast. Long because each verb carries its documentation.
 */
import { KeepsakeError } from "../errors.ts";
import { checkWhole, LIMITS } from "../limits.ts";
import type { ForgetRequest, ForgetResult } from "../library/forget.ts";
import type { ConceptFacts, ConceptList, LibraryHistory } from "../library/history.ts";
import type { RenameRequest, RenameResult } from "../library/renaming/rename.ts";
import type { UndoRequest, UndoResult } from "../library/undo.ts";
import type { PhotoReport, PhotoSheetRequest } from "../training/photos/photo-sheet.ts";
import type { ClassifiedPicture, ClassifyProgress, ClassifyRequest } from "./classify.ts";
import type { ExportRequest, ExportResult } from "./files/export.ts";
import type { GenerateFilesRequest, GenerateProgress, GenerateRequest } from "./generate.ts";
import type { ImportRequest, ImportResult } from "./files/import.ts";
import type { InitRequest } from "./init.ts";
import type { DoctorReport } from "./planning/doctor.ts";
import type { LearnPlan } from "./planning/learn-plan.ts";
import type { LearnAllProgress, LearnAllRequest, SkippedThing } from "./learn-all.ts";
import type { LearnProgress, LearnRequest, LearnResult } from "./learn-and-preview.ts";
import type {
  ForgettingMatrix,
  ForgettingMatrixProgress,
  ForgettingMatrixRequest,
} from "./previews/forgetting-matrix.ts";
import { Operation, OperationQueue, type Watched } from "./operation.ts";
import type { Picture } from "./picture.ts";
import type { PreviewReport, PreviewsRequest } from "./previews/preview-last-learn.ts";
import type { PreviewProgress } from "./previews/previews.ts";
import { Session, type SessionOptions } from "./session.ts";
import type { UnlearnProgress, UnlearnRequest, UnlearnResult } from "./unlearn-concept.ts";
import type { VerifyReport } from "./verify.ts";

/** How a library is opened. */
export interface OpenOptions extends SessionOptions {
  /** Whether there may be no library yet; the first change then makes it. Default true. */
  readonly create?: boolean;
  /**
   * Load the model when something first needs it, and look at nothing before: for history, undo and the like, which
   * need none, and for a library that is damaged. Default false.
   */
  readonly lazy?: boolean;
}

/** Which photos are looked at, and where they are shown. */
export interface PhotosRequest extends Omit<PhotoSheetRequest, "resolution">, Watched<never> {
  /** Side of the crops, in pixels. Default: the model's. */
  readonly resolution?: number;
}

/** @throws KeepsakeError for a model of the hub that was never downloaded */
async function pathOf(model: string): Promise<string> {
  const { findModel, notInCache } = await import("../hub-cache/model-on-disk.ts");
  const found = await findModel(model, process.env);
  if ("missing" in found) throw notInCache(model, found.missing);
  return found.path;
}

/**
 * A library of concepts on a model. The model is loaded once, and compiled programs are kept between calls.
 *
 * Operations run one at a time, in the order in which they were asked for; {@link Keepsake.list},
 * {@link Keepsake.concepts} and {@link Keepsake.history} without `keep` only read and answer at once. Each operation
 * reads the library anew, so what another process has changed in between is seen.
 *
 * @example
 * ```ts
 * import { Keepsake } from "keepsake";
 *
 * await using keepsake = await Keepsake.open("my-library", { model: "./stable-diffusion-v1-5" });
 * await keepsake.learn({ name: "mochi", photos: ["./photos/mochi"], classNoun: "cat" });
 * const [picture] = await keepsake.generate({ prompt: "<mochi> on the beach" });
 * await picture.save("mochi.png");
 * ```
 */
export class Keepsake {
  /** Of the library. */
  readonly folder: string;
  readonly #session: Session;
  readonly #queue = new OperationQueue();
  #closing: Promise<void> | undefined;

  private constructor(session: Session) {
    this.folder = session.folder;
    this.#session = session;
  }

  /**
   * Opens a library and loads its model.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * // Looks into a library that is there, without loading a model.
   * await using keepsake = await Keepsake.open("my-library", { create: false, lazy: true });
   * for (const { token, classNoun } of await keepsake.concepts()) console.log(`${token}: ${classNoun}`);
   * ```
   * @param folder - of the library; there need be none yet
   * @throws KeepsakeError if the library is damaged, or the model cannot be loaded, is not the library's, or is one of
   *   the Hugging Face Hub that the cache does not hold
   */
  static async open(
    folder: string,
    { create = true, lazy = false, model, ...options }: OpenOptions = {},
  ): Promise<Keepsake> {
    const session = new Session(folder, { ...options, ...(model !== undefined && { model: await pathOf(model) }) });
    if (!create) await (await import("../library/library.ts")).Library.open(folder);
    if (!lazy) await session.model(await session.library());
    return new Keepsake(session);
  }

  /**
   * Makes the empty library now.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library", { model: "./stable-diffusion-v1-5" });
   * await keepsake.init({ keep: 10 }); // ten earlier states, for undo
   * ```
   * @throws KeepsakeError if there is one already, or the folder cannot be used
   */
  init(request: InitRequest = {}): Promise<{ readonly model: string; readonly keep: number }> {
    return this.#add(async (session) => {
      const { initLibrary } = await import("./init.ts");
      const { manifest } = await initLibrary(session, request);
      return { model: manifest.model.folder, keep: manifest.keep };
    });
  }

  /**
   * Learns a concept on top of what the library knows, and draws the preview sheet; with `more` or `replace`, one that
   * the library knows already. The same request goes on with a run that was stopped or killed, and ends in the same
   * bytes as a run that was not.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library");
   * const signal = AbortSignal.timeout(3_600_000); // an hour, in milliseconds
   * const result = await keepsake.learn({ name: "mochi", photos: ["./photos/mochi"], classNoun: "cat", signal });
   * if (result.status === "interrupted") console.log(`the same call goes on from step ${result.step}`);
   * ```
   * @throws KeepsakeError for a photo, name, model or library that does not allow it
   */
  learn(request: LearnRequest): Operation<LearnResult, LearnProgress> {
    return this.#start(request, async (session, watched) => {
      return (await import("./learn-and-preview.ts")).learnAndPreview(session, watched);
    });
  }

  /**
   * What {@link Keepsake.learn} would take: time, memory and disk. Nothing is written; the speed of the machine is
   * measured, which takes seconds.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library");
   * const { seconds, memory } = await keepsake.plan({ name: "mochi", photos: ["./photos/mochi"], classNoun: "cat" });
   * console.log(`${Math.round(seconds.total / 60)} minutes, ${Math.round(memory.peak / 1e6)} MB`);
   * ```
   * @throws KeepsakeError for what cannot be learned; the signal's reason when aborted
   */
  plan(request: Omit<LearnRequest, "onProgress">): Promise<LearnPlan> {
    const work = async (session: Session) =>
      (await import("./planning/plan-learning.ts")).planLearning(session, request);
    return this.#add(work, request.signal);
  }

  /**
   * Learns concepts one after another; those that the library knows are skipped, so the same request goes on after
   * whatever stopped it.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library");
   * const things = [
   *   { name: "mochi", photos: ["./photos/mochi"], classNoun: "cat" },
   *   { name: "ember", photos: ["./photos/ember"], classNoun: "mug" },
   * ];
   * for (const { token, status } of await keepsake.learnAll({ things })) console.log(`${token}: ${status}`);
   * ```
   * @returns one result for each, in order; if the signal fired, those that were begun
   * @throws KeepsakeError for one that cannot be learned; what was learned before it stays learned
   */
  learnAll(request: LearnAllRequest): Operation<(LearnResult | SkippedThing)[], LearnAllProgress> {
    return this.#start(request, async (session, watched) => {
      return (await import("./learn-all.ts")).learnAll(session, watched);
    });
  }

  /**
   * Shows photos as training will see them, and says what could be better about them.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library");
   * const { warnings } = await keepsake.photos({ photos: ["./photos/mochi"], sheet: "sheet.png" });
   * for (const line of warnings) console.log(line);
   * ```
   * @param request - `resolution`: that of the training; default: the model's
   * @throws KeepsakeError for a photo, caption or mask that cannot be used, or if the sheet cannot be written; the
   *   signal's reason when it fires
   */
  photos(request: PhotosRequest): Operation<PhotoReport> {
    return this.#start(request, async (session, { resolution, ...asked }) => {
      const { lookAtPhotos } = await import("../training/photos/photo-sheet.ts");
      const side = resolution ?? (await session.model(await session.library())).pipeline.defaultSize.width;
      checkWhole("The resolution", side, LIMITS.side);
      return lookAtPhotos({ ...asked, resolution: side });
    });
  }

  /**
   * Draws pictures with everything that the library has learned, or with the model alone if there is no library.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library");
   * const pictures = await keepsake.generate({ prompt: "<mochi> on the beach", n: 4, seed: 7 });
   * for (const picture of pictures) await picture.save(`mochi-${picture.index}.png`);
   * ```
   * @throws KeepsakeError for a prompt or option that makes no sense; the signal's reason when it fires
   */
  generate(request: GenerateRequest): Operation<readonly Picture[], GenerateProgress> {
    return this.#start(request, async (session, watched) => {
      return (await import("./generate.ts")).generatePictures(session, watched);
    });
  }

  /**
   * Draws one picture for each file and writes it as soon as it is done; none is kept in memory.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library");
   * const files = Array.from({ length: 100 }, (_, i) => `pictures/${i}.png`);
   * await keepsake.generateFiles({ prompt: "<mochi> on the beach", files });
   * ```
   * @returns the files
   * @throws KeepsakeError as {@link Keepsake.generate}, and if a file cannot be written
   */
  generateFiles(request: GenerateFilesRequest): Operation<readonly string[], GenerateProgress> {
    return this.#start(request, async (session, watched) => {
      return (await import("./generate.ts")).generateFiles(session, watched);
    });
  }

  /**
   * Says which concept is on each picture, that none is, or that this is not sure.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library");
   * for (const { file, answer } of await keepsake.classify({ images: ["./new-photos"] })) {
   *   console.log(file, answer.kind === "concept" ? answer.concept : answer.kind);
   * }
   * ```
   * @throws KeepsakeError for a library without concepts, or a file that is no picture; the signal's reason when it
   *   fires
   */
  classify(request: ClassifyRequest): Operation<ClassifiedPicture[], ClassifyProgress> {
    return this.#start(request, async (session, watched) => {
      return (await import("./classify.ts")).classifyPictures(session, watched);
    });
  }

  /**
   * Draws the preview sheet of the last training run again: every concept before it and now.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library");
   * const { sheet, changes } = await keepsake.previews();
   * for (const { concept, change } of changes) console.log(`${concept}: ${Math.round(100 * change)} %, see ${sheet}`);
   * ```
   * @throws KeepsakeError if the last change was no training run, or the state before it is not kept; the signal's
   *   reason when it fires
   */
  previews(request: PreviewsRequest = {}): Operation<PreviewReport, PreviewProgress> {
    return this.#start(request, async (session, watched) => {
      return (await import("./previews/preview-last-learn.ts")).previewLastLearn(session, watched);
    });
  }

  /**
   * Draws every concept in every state that is kept, from the same noise, and says how much its pictures have changed
   * since it was learned: what each later concept did to the earlier ones. Nothing is stored.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library");
   * const { cells } = await keepsake.forgettingMatrix();
   * for (const { concept, state, change } of cells) console.log(concept, state.slice(0, 8), change.toFixed(2));
   * ```
   * @throws KeepsakeError if there is no library or no such state; the signal's reason when it fires
   */
  forgettingMatrix(request: ForgettingMatrixRequest = {}): Operation<ForgettingMatrix, ForgettingMatrixProgress> {
    return this.#start(request, async (session, watched) => {
      return (await import("./previews/forgetting-matrix.ts")).drawForgettingMatrix(session, watched);
    });
  }

  /** What the library knows, and what that takes on the disk. @throws KeepsakeError if there is no library */
  list(): Promise<ConceptList> {
    return this.#read(async () => (await import("../library/history.ts")).listConcepts(this.folder));
  }

  /** The concepts that the library knows, in the order in which they were learned; none if there is no library yet. */
  concepts(): Promise<readonly ConceptFacts[]> {
    return this.#read(async () => {
      if ((await this.#session.library()) === undefined) return [];
      return (await import("../library/history.ts")).listConcepts(this.folder).then(({ concepts }) => concepts);
    });
  }

  /**
   * The states that undo and redo can go to.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library");
   * const { states } = await keepsake.history();
   * for (const { id, change } of states) console.log(id.slice(0, 8), change.kind);
   * ```
   * @param request - `keep`: from now on, how many states to keep beside the current one; what is too much is deleted
   *   at once
   * @throws KeepsakeError if there is no library
   */
  history({ keep }: { readonly keep?: number } = {}): Promise<LibraryHistory> {
    const read = async () => (await import("../library/history.ts")).libraryHistory(this.folder);
    if (keep === undefined) return this.#read(read);
    return this.#add(async ({ folder: library }) => {
      await (await import("../library/history.ts")).keepStates({ library, keep });
      return read();
    });
  }

  /**
   * Takes back the last change, to the byte, or goes to another state.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library");
   * const { concepts } = await keepsake.undo();
   * console.log(`as before the last change: ${concepts.join(", ")}`);
   * await keepsake.redo();
   * ```
   * @throws KeepsakeError if there is no such state
   */
  undo(request: Omit<UndoRequest, "library"> = {}): Promise<UndoResult> {
    return this.#add(async ({ folder: library }) => (await import("../library/undo.ts")).undo({ library, ...request }));
  }

  /** Makes the change again that the last undo took back. @throws KeepsakeError if nothing is undone */
  redo(): Promise<UndoResult> {
    return this.#add(async ({ folder: library }) => (await import("../library/undo.ts")).redo({ library }));
  }

  /**
   * Forgets a concept: its token goes. The adapter, which all concepts share, keeps traces of it.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library");
   * const { heldBy } = await keepsake.forget({ name: "mochi" });
   * if (heldBy > 0) await keepsake.forget({ name: "mochi", purge: true }); // from earlier states too
   * ```
   * @throws KeepsakeError if the library does not know it, or a run of another concept is unfinished
   */
  forget(request: Omit<ForgetRequest, "library">): Promise<ForgetResult> {
    return this.#add(async ({ folder: library }) =>
      (await import("../library/forget.ts")).forgetConcept({ library, ...request }),
    );
  }

  /**
   * Gives a concept another name. Nothing that was learned changes, and an undo brings the old name back.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library");
   * const { token } = await keepsake.rename({ name: "mochi", to: "our-cat" });
   * await keepsake.generate({ prompt: `${token} on the beach` });
   * ```
   * @throws KeepsakeError if the library does not know it, knows the new name already, or a run is unfinished
   */
  rename(request: Omit<RenameRequest, "library">): Promise<RenameResult> {
    return this.#add(async ({ folder: library }) =>
      (await import("../library/renaming/rename.ts")).renameConcept({ library, ...request }),
    );
  }

  /**
   * Forgets a concept and trains the adapter until its token means no more than its class noun, and says how far that
   * went.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library");
   * const { unlearned } = await keepsake.unlearn({ name: "mochi" });
   * if (unlearned !== undefined) console.log(unlearned.distance.before, unlearned.distance.after);
   * ```
   * @throws KeepsakeError as {@link Keepsake.forget}, and if the training diverges; the signal's reason when it fires
   */
  unlearn(request: UnlearnRequest): Operation<UnlearnResult, UnlearnProgress> {
    return this.#start(request, async (session, watched) => {
      return (await import("./unlearn-concept.ts")).unlearnConcept(session, watched);
    });
  }

  /**
   * Hashes every file of the library again; faults are part of the report.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library");
   * const { faults } = await keepsake.verify();
   * for (const { file, fault } of faults) console.error(`${file}: ${fault}`);
   * ```
   * @throws KeepsakeError if there is no library
   */
  verify(request: Watched<never> = {}): Operation<VerifyReport> {
    return this.#start(request, async (session, watched) => {
      return (await import("./verify.ts")).verifyLibrary(session, watched);
    });
  }

  /**
   * Whether Keepsake can work on this machine and library: versions, speed, memory, disk, what fits, what is damaged.
   */
  doctor(): Promise<DoctorReport> {
    return this.#add(async (session) => (await import("./planning/doctor.ts")).examine(session));
  }

  /**
   * Writes the adapter and the tokens, or one token's embedding, for other programs.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library");
   * await keepsake.export({ format: "diffusers", to: "my-lora.safetensors" });
   * await keepsake.export({ format: "textual-inversion", name: "mochi", to: "mochi.safetensors" });
   * ```
   * @throws KeepsakeError if nothing has been learned, the format does not hold an adapter of this kind, or a file is
   *   there already
   */
  export(request: ExportRequest): Promise<ExportResult> {
    return this.#add(async (session) => (await import("./files/export.ts")).exportLearned(session, request));
  }

  /**
   * Makes a LoRA or a textual-inversion embedding a concept of the library.
   *
   * @example
   * ```ts
   * import { Keepsake } from "keepsake";
   *
   * await using keepsake = await Keepsake.open("my-library", { model: "./stable-diffusion-v1-5" });
   * const { token } = await keepsake.import({ file: "mochi.safetensors", classNoun: "cat" });
   * await keepsake.generate({ prompt: `${token} on the beach` });
   * ```
   * @throws KeepsakeError if the file is neither, is for another model, or the library cannot keep it
   */
  import(request: ImportRequest): Promise<ImportResult> {
    return this.#add(async (session) => (await import("./files/import.ts")).importConcept(session, request));
  }

  /** Ends what was asked for, in order, and frees model and programs. Every verb fails from now on. */
  close(): Promise<void> {
    this.#closing ??= this.#queue.add(() => this.#session.close());
    return this.#closing;
  }

  /** As {@link Keepsake.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #start<Request extends Watched<Progress>, Result, Progress>(
    request: Request & Watched<Progress>,
    work: (session: Session, watched: Request & Watched<Progress>) => Promise<Result>,
  ): Operation<Result, Progress> {
    const { signal, onProgress } = request;
    return new Operation((tell: (progress: Progress) => void) => {
      const tellAll = (progress: Progress) => {
        onProgress?.(progress);
        tell(progress);
      };
      return this.#add((session) => work(session, { ...request, onProgress: tellAll }), signal);
    });
  }

  #add<Result>(work: (session: Session) => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    return this.#closing === undefined ? this.#queue.add(() => work(this.#session), signal) : this.#refuse();
  }

  #read<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#closing === undefined ? work() : this.#refuse();
  }

  #refuse(): Promise<never> {
    const fault = `${this.folder} was closed here`;
    return Promise.reject(new KeepsakeError("usage", `${fault}; open it again with Keepsake.open.`));
  }
}
