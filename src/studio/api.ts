/**
 * @file What the studio's page and its server say to each other: JSON over HTTP, and server-sent events. Types alone,
 * so that the page can import them. Long because it is the whole contract. Every path starts with `/api`; every fault
 * is a {@link Fault} with a status from 400.
 *
 * | request | body | answer |
 * |---|---|---|
 * | `GET /api/state` | | {@link StudioState} |
 * | `GET /api/events?after=12` | | stream of {@link StudioEvent}; the header `Last-Event-ID` goes before `after` |
 * | `POST /api/photos?name=IMG_1.jpg` | the file's bytes, `application/octet-stream` | {@link StudioPhoto} |
 * | `GET /api/photos` | | {@link StudioPhoto}[] |
 * | `PATCH /api/photos/:id` | {@link PhotoEdit} | {@link StudioPhoto} |
 * | `PUT /api/photos/:id/mask` | a PNG of the photo's proportions: white is the thing | {@link StudioPhoto} |
 * | `GET /api/photos/:id/mask.png?v=n` | | the mask, as large as the photo |
 * | `DELETE /api/photos/:id/mask` | | {@link StudioPhoto} |
 * | `GET /api/photos/:id/crop.png?v=n` | | the square that training will see |
 * | `GET /api/photos/:id/whole.jpg` | | the whole photo, upright, at most 1024 pixels a side |
 * | `DELETE /api/photos/:id` | | 204 |
 * | `POST /api/jobs` | {@link JobRequest} | {@link Job} |
 * | `GET /api/jobs/:id` | | {@link Job} |
 * | `POST /api/jobs/:id/stop` | | {@link Job}: it stops after its step and loses nothing |
 * | `POST /api/jobs/:id/resume` | | {@link Job}: a stopped training run goes on |
 * | `DELETE /api/jobs/:id` | | 204: a job that is over is no longer shown |
 * | `GET /api/pictures/:id.png?metadata=yes` | | a drawn picture, with or without its prompt in it; `&download=name.png` saves it |
 * | `GET /api/files/:id` | | a file that an `export` made, for saving; it is gone afterwards |
 * | `POST /api/names/check` | `{ name, classNoun }` | {@link NamesCheck} |
 * | `GET /api/models` | | {@link StudioModel}[] |
 */
import type { ClassifiedPicture } from "../keepsake/classify.ts";
import type { ExportFormat, ExportResult } from "../keepsake/files/export.ts";
import type { DoctorReport } from "../keepsake/planning/doctor.ts";
import type { LearnPlan } from "../keepsake/planning/learn-plan.ts";
import type { ForgetResult } from "../library/forget.ts";
import type { ConceptFacts, LibraryHistory } from "../library/history.ts";
import type { Again } from "../library/manifest/state.ts";
import type { UndoResult } from "../library/undo.ts";

/** A fault that a person can read; `message` says what to do next. */
export interface Fault {
  readonly kind: "usage" | "input" | "environment" | "state" | "defect";
  readonly message: string;
}

/** All that a page needs when it opens. */
export interface StudioState {
  readonly version: string;
  /** Id of the last event that this state contains. */
  readonly lastEvent: number;
  readonly library: {
    readonly folder: string;
    /** False until something has been learned, or a model was chosen. */
    readonly exists: boolean;
    /** Files that are damaged, a library of another version: nothing but the doctor works then. */
    readonly fault?: Fault;
  };
  readonly model: StudioModel;
  readonly concepts: readonly StudioConcept[];
  /** Absent until there is a library. */
  readonly history?: Pick<LibraryHistory, "states" | "later" | "aside" | "keep">;
  /**
   * A training run that was stopped or killed; the same photos go on with it, as it was begun, whatever settings are
   * asked for.
   */
  readonly unfinished?: {
    readonly name: string;
    readonly classNoun: string;
    readonly step: number;
    readonly steps: number;
    readonly again?: Again;
  };
  /** Newest first. */
  readonly jobs: readonly Job[];
  readonly defaults: {
    /** Side of the crops that training sees, in pixels. */
    readonly resolution: number;
    readonly learningSteps: number;
    readonly drawing: { readonly steps: number; readonly guidanceScale: number; readonly scheduler: string };
    readonly width: number;
    readonly height: number;
    readonly strategy: string;
  };
  readonly schedulers: readonly string[];
  /** Each with one sentence that says what it is for; the default first. */
  readonly strategies: readonly { readonly name: string; readonly about: string }[];
  readonly limits: {
    readonly photos: number;
    /** Of one photo. */
    readonly photoBytes: number;
    readonly photoPixels: number;
    readonly pictures: number;
  };
}

export interface StudioConcept extends ConceptFacts {
  /** Pictures of "a photo of <name>" in the current state, from fixed seeds; none until they are drawn. */
  readonly previews: readonly PictureId[];
}

export interface StudioModel {
  /** As `--model` takes it; `built-in` for the built-in one. */
  readonly model: string;
  /** "Stable Diffusion 1", ... */
  readonly family: string;
  readonly bytes?: number;
  readonly isUsable: boolean;
  readonly isWhole: boolean;
}

/** Of a picture that the studio has drawn; it is kept in memory until the studio ends, or many newer ones are there. */
export type PictureId = string;

/** The square of a photo that training sees: as shares of the upright photo. */
export interface Crop {
  /** Left edge, in [0, 1] of the photo's width. */
  readonly x: number;
  /** Upper edge, in [0, 1] of the photo's height. */
  readonly y: number;
  /** Side, in (0, 1] of the photo's shorter side. */
  readonly size: number;
}

/** A photo that was dropped. It is held in memory, and gone when the studio ends or the concept is learned. */
export interface StudioPhoto {
  readonly id: string;
  readonly name: string;
  /** Upright, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly crop: Crop;
  readonly caption: string;
  readonly hasMask: boolean;
  /** Grows with each edit; part of the crop's address. */
  readonly version: number;
  /** What a person may want to change, a line each: small, blurred, almost the same as another. */
  readonly warnings: readonly string[];
}

export interface PhotoEdit {
  readonly crop?: Crop;
  readonly caption?: string;
}

/**
 * What can be asked for. Those of `model` wait for each other; those of `quick` need no model and never wait for it.
 */
export type JobRequest =
  | LearnJobRequest
  | (Omit<LearnJobRequest, "kind"> & { readonly kind: "plan" })
  | DrawJobRequest
  /** Which of mine is this? `photo` is a dropped one. */
  | { readonly kind: "ask"; readonly photo: string }
  /** Previews of the current state that are not drawn yet. */
  | { readonly kind: "previews" }
  /** Every concept in every state that is kept. */
  | { readonly kind: "remember" }
  | { readonly kind: "export"; readonly format: ExportFormat; readonly name?: string; readonly fp16?: boolean }
  | { readonly kind: "doctor" }
  | { readonly kind: "verify" }
  | { readonly kind: "unlearn"; readonly name: string }
  | { readonly kind: "pull"; readonly model: string }
  | { readonly kind: "forget"; readonly name: string; readonly purge?: boolean }
  | { readonly kind: "rename"; readonly name: string; readonly to: string }
  /** `to`: a state's id; default: the one before. */
  | { readonly kind: "undo"; readonly to?: string }
  | { readonly kind: "redo" }
  | { readonly kind: "keep"; readonly keep: number }
  /** The empty library on a model; refused once something has been learned. */
  | { readonly kind: "choose-model"; readonly model: string };

export interface LearnJobRequest {
  readonly kind: "learn";
  readonly name: string;
  /** One that is taught more keeps its own. */
  readonly classNoun: string;
  /** What becomes of a concept that the library knows; a new one has none. */
  readonly again?: Again;
  /** Ids, in the order in which they are learned from. */
  readonly photos: readonly string[];
  readonly settings?: LearnSettings;
}

/** Absent: the library's default. */
export interface LearnSettings {
  readonly steps?: number;
  /** Seconds; chooses the steps. */
  readonly budget?: number;
  readonly strategy?: string;
  readonly learningRate?: number;
  readonly rank?: number;
  readonly resolution?: number;
  readonly seed?: number;
  readonly flip?: boolean;
  /**
   * Pictures of the new and of every earlier concept at step 0 and every so many steps. 0: none. Default: a quarter of
   * the steps.
   */
  readonly sampleEvery?: number;
}

export interface DrawJobRequest {
  readonly kind: "draw";
  readonly prompt: string;
  readonly negativePrompt?: string;
  readonly n?: number;
  readonly seed?: number;
  readonly steps?: number;
  readonly guidanceScale?: number;
  readonly scheduler?: string;
  readonly width?: number;
  readonly height?: number;
}

export type JobStatus =
  | "waiting"
  | "running"
  /** Was asked to stop, and ends its step. */
  | "stopping"
  /** Stopped or killed; a training run can be resumed. */
  | "stopped"
  | "done"
  | "failed";

/** One piece of work, as it stands. */
export interface Job {
  readonly id: string;
  readonly request: JobRequest;
  readonly status: JobStatus;
  /** ISO 8601. */
  readonly asked: string;
  readonly began?: string;
  readonly ended?: string;
  readonly progress: JobProgress;
  readonly fault?: Fault;
  readonly result?: JobResult;
  /** A stopped learning can go on; false where its photos are gone with an earlier studio: drop them again. */
  readonly canResume?: boolean;
}

/** How far a job is. What a kind of job does not have is absent. */
export interface JobProgress {
  readonly done?: number;
  readonly count?: number;
  /** "encoding", "training", "previews": what `done` counts. */
  readonly phase?: string;
  readonly secondsLeft?: number;
  readonly plan?: LearnPlan;
  /** Denoising error of each step so far, from `firstStep` on. */
  readonly losses?: readonly number[];
  readonly firstStep?: number;
  /** Pictures on the way, in the order in which they were drawn. */
  readonly samples?: readonly Sample[];
  /** Of `draw`. */
  readonly pictures?: readonly PictureId[];
  /** Of `ask`: as they narrow, the most probable first. */
  readonly bars?: readonly Bar[];
  /** Of `remember`. */
  readonly cells?: readonly MatrixCell[];
  readonly bytes?: { readonly done: number; readonly total: number };
  /** Warnings and notes, a line each. */
  readonly notes?: readonly string[];
}

/** A concept, drawn at a step of a training run from a fixed seed. */
export interface Sample {
  readonly step: number;
  readonly concept: string;
  readonly picture: PictureId;
}

/** How probable it is that the photo shows this. */
export interface Bar {
  /** `<name>`, or what the ordinary thing is called. */
  readonly label: string;
  /** Absent for ordinary things. */
  readonly concept?: string;
  readonly probability: number;
  /** Given up as unlikely. */
  readonly isOut: boolean;
}

/** A concept as a state draws it. */
export interface MatrixCell {
  /** Id of the state. */
  readonly state: string;
  /** The name that it has in the state. */
  readonly concept: string;
  readonly pictures: readonly PictureId[];
  /**
   * How much its pictures differ from those of the first kept state that knows it: 0 if they are the same, 1 as much as
   * pictures from different noise.
   */
  readonly change: number;
}

export type JobResult =
  | { readonly kind: "learn"; readonly token: string; readonly step: number; readonly steps: number }
  | { readonly kind: "plan"; readonly plan: LearnPlan }
  | { readonly kind: "draw"; readonly pictures: readonly PictureId[] }
  | { readonly kind: "ask"; readonly answer: ClassifiedPicture["answer"]; readonly bars: readonly Bar[] }
  | { readonly kind: "previews" }
  | { readonly kind: "remember"; readonly cells: readonly MatrixCell[] }
  | {
      readonly kind: "export";
      readonly file: string;
      readonly id: string;
      readonly bytes: number;
      readonly facts: ExportResult;
    }
  | { readonly kind: "doctor"; readonly report: DoctorReport }
  | { readonly kind: "verify"; readonly faults: readonly { readonly file: string; readonly fault: string }[] }
  | { readonly kind: "forget" | "unlearn"; readonly facts: ForgetResult }
  | { readonly kind: "undo" | "redo"; readonly facts: UndoResult }
  | { readonly kind: "rename" | "keep" | "choose-model" | "pull" };

/** Whether a name and a class noun will do, as they are typed. */
export interface NamesCheck {
  readonly name?: Fault;
  readonly classNoun?: Fault;
  /** The concept that the library knows by this name. */
  readonly known?: string;
  /** What may be wrong with the class noun, and is no fault. */
  readonly note?: string;
}

/**
 * Each has an id that grows by one. A page asks for the state, then for the events after {@link StudioState.lastEvent};
 * the stream opens again by itself where it broke off.
 */
export type StudioEvent =
  /** A job is new, or its status or result has changed: the whole of it. */
  | { readonly kind: "job"; readonly job: Job }
  /**
   * What a running job adds. Lists but `bars` hold only what is new, to be put behind what is there; all else replaces
   * what was there. At most a few a second for each job.
   */
  | { readonly kind: "progress"; readonly id: string; readonly progress: JobProgress }
  | { readonly kind: "job-removed"; readonly id: string }
  /** Concepts, history, model or photos have changed: ask for the state again. */
  | { readonly kind: "library" }
  /** What came after the id that was asked for is not kept any more: ask for the state again. */
  | { readonly kind: "reset" };
