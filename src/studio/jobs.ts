/**
 * @file The jobs of the studio: what was asked for, how far it is, what came of it. They run in lanes, outlive the page
 * that asked for them, and are in memory only. What a training run has done lies in the library as well, and outlives
 * the studio.
 */
import { randomUUID } from "node:crypto";
import type { Fault, Job, JobProgress, JobRequest, JobResult, JobStatus } from "./api.ts";
import type { EventLog } from "./events.ts";
import { faultOf, HttpFault, LaneFault } from "./fault.ts";
import type { Lane, Running } from "./lanes/lane.ts";
import type { JobTask, News, Place } from "./lanes/protocol.ts";
import { Gathered, merged } from "./progress.ts";

/** How many jobs that are over are shown. */
const MOST_OVER = 50;
/** How many may wait. */
const MOST_WAITING = 200;

/** What the store of jobs needs of the studio. */
export interface JobsOptions {
  readonly events: EventLog;
  /** The lane that does it. */
  readonly laneOf: (request: JobRequest) => Lane;
  readonly place: () => Place;
  /** The request with all that it needs. @throws HttpFault if something is gone */
  readonly taskOf: (request: JobRequest) => Promise<JobTask>;
  /** Whether a training run has its photos. */
  readonly hasPhotos: (photos: readonly string[]) => boolean;
  /** What is told of pictures, previews, files and the library. */
  readonly onNews: (news: Exclude<News, { readonly kind: "progress" | "resumed" }>) => void;
  readonly onDone: (request: JobRequest, result: JobResult) => void;
}

interface Entry {
  readonly id: string;
  readonly request: JobRequest;
  readonly asked: string;
  readonly gathered: Gathered;
  status: JobStatus;
  began?: string;
  ended?: string;
  progress: JobProgress;
  fault?: Fault;
  result?: JobResult;
  running?: Running<JobResult>;
}

export class Jobs {
  readonly #options: JobsOptions;
  /** In the order in which they were asked for. */
  readonly #entries = new Map<string, Entry>();

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  /** Newest first. News that wait to be told are told first, so that a list and the events after it belong together. */
  list(): Job[] {
    for (const { gathered } of this.#entries.values()) gathered.flush();
    return [...this.#entries.values()].reverse().map((entry) => this.#shown(entry));
  }

  get(id: string): Job {
    return this.#shown(this.#find(id));
  }

  async add(request: JobRequest): Promise<Job> {
    const waiting = [...this.#entries.values()].filter((entry) => !isOver(entry));
    if (waiting.length >= MOST_WAITING) throw new HttpFault(409, "Too many jobs are waiting; wait for them.", "state");
    const task = await this.#options.taskOf(request);
    const id = randomUUID();
    const gathered = new Gathered((progress) => {
      this.#options.events.add({ kind: "progress", id, progress });
    });
    const entry: Entry = { id, request, gathered, status: "waiting", asked: now(), progress: {} };
    this.#entries.set(id, entry);
    this.#forgetOldest();
    this.#start(entry, task);
    return this.#shown(entry);
  }

  stop(id: string): Job {
    const entry = this.#find(id);
    if (entry.status === "waiting" || entry.status === "running") {
      if (entry.status === "running") this.#change(entry, { status: "stopping" });
      entry.running?.stop();
    }
    return this.#shown(entry);
  }

  async resume(id: string): Promise<Job> {
    const entry = this.#find(id);
    if (!this.#canResume(entry)) throw new HttpFault(409, "This job cannot be resumed.", "state");
    const task = await this.#options.taskOf(entry.request);
    if (!this.#canResume(entry)) throw new HttpFault(409, "This job goes on already.", "state");
    this.#start(entry, task);
    return this.#shown(entry);
  }

  remove(id: string): void {
    if (!isOver(this.#find(id))) throw new HttpFault(409, "This job is not over; stop it first.", "state");
    this.#entries.delete(id);
    this.#options.events.add({ kind: "job-removed", id });
  }

  /** Stops everything. @returns how many jobs were running or waiting */
  stopAll(): number {
    const left = [...this.#entries.values()].filter((entry) => !isOver(entry));
    for (const { id } of left) this.stop(id);
    return left.length;
  }

  #start(entry: Entry, task: JobTask): void {
    const { laneOf, place } = this.#options;
    delete entry.fault;
    delete entry.ended;
    this.#change(entry, { status: "waiting" });
    const running = laneOf(entry.request).run(place(), task, {
      onStart: () => {
        this.#change(entry, { status: "running", began: entry.began ?? now() });
      },
      onNews: (news) => {
        this.#take(entry, news);
      },
    });
    entry.running = running;
    void running.result.then(
      (result) => {
        this.#options.onDone(entry.request, result);
        this.#end(entry, { status: "done", result });
      },
      (error: unknown) => {
        // A run that is unfinished now is part of the library.
        if (entry.request.kind === "learn") this.#options.onNews({ kind: "library" });
        this.#end(entry, failure(entry, error));
      },
    );
  }

  #take(entry: Entry, news: News): void {
    if (news.kind === "progress") {
      const first = firstStepOf(entry.progress, news.progress);
      const progress = first === undefined ? news.progress : { ...news.progress, firstStep: first };
      entry.progress = merged(entry.progress, progress);
      entry.gathered.add(progress);
    } else if (news.kind === "resumed") {
      entry.gathered.flush();
      const { losses = [], firstStep = news.step + 1 } = entry.progress;
      const kept = losses.slice(0, Math.max(0, news.step + 1 - firstStep));
      this.#change(entry, { progress: { ...entry.progress, losses: kept, firstStep } });
    } else {
      // What the progress says so far may name what comes now, and not the other way round.
      this.#options.onNews(news);
    }
  }

  #end(entry: Entry, end: Pick<Entry, "status" | "result" | "fault">): void {
    delete entry.running;
    const progress: { -readonly [Key in keyof JobProgress]: JobProgress[Key] } = { ...entry.progress };
    delete progress.secondsLeft;
    this.#change(entry, { ...end, progress, ended: now() });
  }

  #change(entry: Entry, change: Partial<Entry>): void {
    entry.gathered.flush();
    Object.assign(entry, change);
    if (this.#entries.has(entry.id)) this.#options.events.add({ kind: "job", job: this.#shown(entry) });
  }

  #shown(entry: Entry): Job {
    const { id, request, status, asked, began, ended, progress, fault, result } = entry;
    const isLearning = request.kind === "learn";
    return {
      ...{ id, request, status, asked, progress },
      ...(began !== undefined && { began }),
      ...(ended !== undefined && { ended }),
      ...(fault !== undefined && { fault }),
      ...(result !== undefined && { result }),
      ...(isLearning && status === "stopped" && { canResume: this.#canResume(entry) }),
    };
  }

  #canResume({ request, status }: Entry): boolean {
    return request.kind === "learn" && status === "stopped" && this.#options.hasPhotos(request.photos);
  }

  #find(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new HttpFault(404, "There is no such job any more.", "state");
    return entry;
  }

  #forgetOldest(): void {
    const over = [...this.#entries.values()].filter(isOver);
    for (const { id } of over.slice(0, Math.max(0, over.length - MOST_OVER))) this.remove(id);
  }
}

function isOver({ status }: Entry): boolean {
  return status === "done" || status === "failed" || status === "stopped";
}

/** A training run whose process died can be resumed; anything else that died has failed. */
function failure({ request }: Entry, error: unknown): Pick<Entry, "status" | "fault"> {
  const why = error instanceof LaneFault ? error.why : "failed";
  if (why === "stopped") return { status: "stopped" };
  return { status: why === "died" && request.kind === "learn" ? "stopped" : "failed", fault: faultOf(error) };
}

/** The step of the first loss, where it has not been told yet. */
function firstStepOf(before: JobProgress, { losses, done }: JobProgress): number | undefined {
  if (losses === undefined || done === undefined || before.firstStep !== undefined) return undefined;
  return done - losses.length + 1;
}

function now(): string {
  return new Date().toISOString();
}
