/**
 * @file What the server and a lane say to each other. A lane is a process that works: the server's own thread never
 * computes.
 */
import type { PhotoInMemory } from "../../training/photos/find-photos.ts";
import type {
  Crop,
  DrawJobRequest,
  Fault,
  JobProgress,
  JobRequest,
  JobResult,
  LearnJobRequest,
  PictureId,
  StudioModel,
  StudioState,
} from "../api.ts";

/** The library that a task is about. */
export interface Place {
  /** Folder of the library. */
  readonly library: string;
  /** The model that was asked for when the studio was started. Default: the library's own, else the built-in one. */
  readonly model?: string;
}

/** A photo that is looked at. */
export interface LookTask {
  readonly kind: "look";
  /** By which a decoded photo is found again. */
  readonly id: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Default: the middle. */
  readonly crop?: Crop;
  /** Side of the crop, in pixels. */
  readonly resolution: number;
  /** Whether the whole photo is wanted too. */
  readonly whole: boolean;
}

/** What was seen. */
export interface Look {
  /** Upright, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly crop: Crop;
  /** Side of the crop in the photo, in pixels. */
  readonly side: number;
  /** PNG. */
  readonly cropped: Uint8Array;
  /** JPEG. */
  readonly whole?: Uint8Array;
  /** See `differenceHash`. */
  readonly hash: readonly boolean[];
  readonly isBlurred: boolean;
}

/** A mask that was painted or imported, to be brought to its photo's size. */
export interface MaskTask {
  readonly kind: "mask";
  readonly id: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly mask: Uint8Array;
  readonly crop?: Crop;
}

/** What the model is, and what is done with it where nobody says otherwise. */
export interface ModelFacts {
  readonly model: StudioModel;
  readonly defaults: StudioState["defaults"];
  readonly schedulers: StudioState["schedulers"];
  readonly strategies: StudioState["strategies"];
}

/** A job with all that it needs. */
export type JobTask =
  | {
      readonly kind: "learn" | "plan";
      readonly request: Omit<LearnJobRequest, "kind">;
      readonly photos: readonly PhotoInMemory[];
    }
  | { readonly kind: "ask"; readonly photo: PhotoInMemory }
  /** Concepts that are to be drawn in the current state. */
  | { readonly kind: "previews"; readonly concepts: readonly string[] }
  | DrawJobRequest
  | Exclude<JobRequest, { readonly kind: "learn" | "plan" | "ask" | "previews" | "draw" }>;

export type Task = JobTask | LookTask | MaskTask | { readonly kind: "facts" };

/** What comes of a task. */
export type ResultOf<T extends Task> = T extends LookTask
  ? Look
  : T extends MaskTask
    ? Uint8Array
    : T extends { readonly kind: "facts" }
      ? ModelFacts
      : JobResult;

/** A picture that was drawn. */
export interface DrawnPicture {
  readonly id: PictureId;
  readonly png: Uint8Array;
  /** How it was drawn, as its file says it if that is wanted. */
  readonly parameters?: string;
}

/** A file that was exported. */
export interface ExportedFile {
  readonly id: string;
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What a task tells while it runs. */
export type News =
  | { readonly kind: "progress"; readonly progress: JobProgress }
  /** A training run goes on from this step; later losses are told anew. */
  | { readonly kind: "resumed"; readonly step: number }
  /** Goes before the progress that names it. */
  | { readonly kind: "picture"; readonly picture: DrawnPicture }
  /** Of a concept in a state. */
  | {
      readonly kind: "preview";
      readonly state: string;
      readonly concept: string;
      readonly pictures: readonly PictureId[];
    }
  | { readonly kind: "file"; readonly file: ExportedFile }
  /** The library is in another state. */
  | { readonly kind: "library" };

export type ToLane =
  | { readonly kind: "task"; readonly id: number; readonly place: Place; readonly task: Task }
  | { readonly kind: "stop"; readonly id: number };

export type FromLane =
  | { readonly kind: "news"; readonly id: number; readonly news: News }
  | { readonly kind: "done"; readonly id: number; readonly result: unknown }
  | { readonly kind: "fault"; readonly id: number; readonly fault: Fault; readonly isStopped: boolean };
