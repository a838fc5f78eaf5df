/** @file What the server knows, as it stands: the state, and the jobs. Signals that every screen reads. */
import { computed, signal } from "@preact/signals";
import type { Job, JobRequest, StudioState } from "../../../src/studio/api.ts";
import { server } from "./server.ts";

/** Absent until the first answer. */
export const studio = signal<StudioState | undefined>(undefined);

/** By id, newest first. They change a few times a second while something runs. */
export const jobs = signal<readonly Job[]>([]);

export const concepts = computed(() => studio.value?.concepts ?? []);

export type JobKind = JobRequest["kind"];

/** A job whose request is of one kind. */
export type JobOf<Kind extends JobKind> = Job & { readonly request: Extract<JobRequest, { readonly kind: Kind }> };

export function isKind<Kind extends JobKind>(job: Job, kind: Kind): job is JobOf<Kind> {
  return job.request.kind === kind;
}

/** Newest first. */
export function jobsOf<Kind extends JobKind>(kind: Kind): readonly JobOf<Kind>[] {
  return jobs.value.filter((job): job is JobOf<Kind> => isKind(job, kind));
}

export function latest<Kind extends JobKind>(kind: Kind): JobOf<Kind> | undefined {
  return jobsOf(kind)[0];
}

export const isOver = ({ status }: Job) => status === "done" || status === "failed" || status === "stopped";

/** Whether nothing runs or waits. */
export const isIdle = computed(() => jobs.value.every((job) => isOver(job)));

/** The training that a person would want to see: the newest. */
export const training = computed(() => latest("learn"));

/** Asks for everything again. @returns the id of the last event that is contained */
export async function refresh(): Promise<number> {
  const state = await server.state();
  studio.value = state;
  jobs.value = state.jobs;
  return state.lastEvent;
}

/** Asks for all but the jobs again, which the events keep up to date. */
export async function refreshLibrary(): Promise<void> {
  studio.value = await server.state();
}

export function putJob(job: Job): void {
  const rest = jobs.value.filter(({ id }) => id !== job.id);
  const at = rest.length === jobs.value.length ? 0 : jobs.value.findIndex(({ id }) => id === job.id);
  jobs.value = [...rest.slice(0, at), job, ...rest.slice(at)];
}

export function dropJob(id: string): void {
  jobs.value = jobs.value.filter((job) => job.id !== id);
}

/** Starts a job, and shows it before the first event tells of it. */
export async function start(request: JobRequest): Promise<Job> {
  const job = await server.startJob(request);
  // Its events may have come first, and know more.
  if (!jobs.value.some(({ id }) => id === job.id)) putJob(job);
  return job;
}

/** Starts a job and waits for its end. @returns the job as it ended */
export async function finish(request: JobRequest): Promise<Job> {
  const { id } = await start(request);
  return new Promise((resolve) => {
    const stop = jobs.subscribe((all) => {
      const job = all.find((each) => each.id === id);
      if (job !== undefined && !isOver(job)) return;
      queueMicrotask(() => {
        stop();
      });
      if (job !== undefined) resolve(job);
    });
  });
}
