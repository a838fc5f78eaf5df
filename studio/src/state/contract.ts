/** @file Names for parts of what the server says. */
import type { JobProgress, JobRequest, JobResult, LearnJobRequest, StudioState } from "../../../src/studio/api.ts";

type Result<Kind extends JobResult["kind"]> = Extract<JobResult, { readonly kind: Kind }>;

export type Answer = Result<"ask">["answer"];
export type DoctorReport = Result<"doctor">["report"];
export type ExportFormat = Extract<JobRequest, { readonly kind: "export" }>["format"];
export type ForgetFacts = Result<"forget" | "unlearn">["facts"];
export type History = NonNullable<StudioState["history"]>;
export type LearnPlan = NonNullable<JobProgress["plan"]>;

/** What becomes of a concept that is taught again. */
export type Again = NonNullable<LearnJobRequest["again"]>;

/** A state that is kept. */
export type KeptState = History["states"][number];
/** What made a state. */
export type Change = KeptState["change"];
