/**
 * @file What the studio is made of: photos, pictures, jobs, events and the lanes that work. It knows nothing of HTTP.
 */
import { ownVersion } from "../own-version.ts";
import type { Job, JobRequest, JobResult, PictureId, StudioState } from "./api.ts";
import { EventLog } from "./events.ts";
import { HttpFault } from "./fault.ts";
import { MOST_DRAWN } from "./job-requests.ts";
import { Jobs } from "./jobs.ts";
import { Lane } from "./lanes/lane.ts";
import type { JobTask, ModelFacts, News, Place } from "./lanes/protocol.ts";
import { type LibraryFacts, LibraryReader } from "./library-state.ts";
import { PHOTO_LIMITS, Photos } from "./photos.ts";
import { Pictures } from "./pictures.ts";

/** Kinds of jobs that need no model, or not for long. They never wait for one that learns or draws. */
const QUICK: ReadonlySet<JobRequest["kind"]> = new Set(["undo", "redo", "forget", "rename", "keep", "choose-model"]);

/** Kinds after which concepts, states or the model may be others. */
const CHANGING: ReadonlySet<JobRequest["kind"]> = new Set([...QUICK, "learn", "unlearn", "pull"]);

export class Studio {
  readonly events = new EventLog();
  readonly pictures = new Pictures();
  readonly photos: Photos;
  readonly jobs: Jobs;
  readonly #reader: LibraryReader;
  readonly #lanes = { model: new Lane(), quick: new Lane(), pull: new Lane() };
  /** The model that was asked for when the studio was started; another choice takes its place. */
  #askedModel: string | undefined;
  #facts: { readonly key: string; readonly facts: Promise<ModelFacts> } | undefined;
  #telling: NodeJS.Timeout | undefined;
  /** By state and concept. */
  readonly #previews = new Map<string, readonly PictureId[]>();

  /** @param place - the library, and the model that is asked for */
  constructor({ library, model }: Place) {
    this.#reader = new LibraryReader(library);
    this.#askedModel = model;
    this.photos = new Photos(this.#lanes.quick, () => this.#place);
    this.jobs = new Jobs({
      events: this.events,
      laneOf: ({ kind }) =>
        kind === "pull" ? this.#lanes.pull : QUICK.has(kind) ? this.#lanes.quick : this.#lanes.model,
      place: () => this.#place,
      taskOf: (request) => this.#taskOf(request),
      hasPhotos: (photos) => photos.every((id) => this.photos.has(id)),
      onNews: (news) => {
        this.#take(news);
      },
      onDone: (request, result) => {
        this.#finish(request, result);
      },
    });
  }

  /** All that a page needs when it opens. */
  async state(): Promise<StudioState> {
    let facts = await this.#reader.read();
    const known = this.#facts;
    const { model, defaults, schedulers, strategies } = await this.modelFacts(facts);
    // Opening a model takes a while, in which the library may have changed.
    if (this.#facts !== known) facts = await this.#reader.read();
    const { library, history, unfinished } = facts;
    // From here on nothing is waited for: jobs and the number of the last event belong together.
    const jobs = this.jobs.list();
    return {
      ...{ version: ownVersion(), lastEvent: this.events.last, library, model },
      concepts: facts.concepts.map((concept) => ({ ...concept, previews: this.#previewsOf(facts, concept.name) })),
      ...(history !== undefined && { history }),
      ...(unfinished !== undefined && { unfinished }),
      ...{ jobs, defaults, schedulers, strategies },
      limits: { ...PHOTO_LIMITS, pictures: MOST_DRAWN },
    };
  }

  /** Of the library's model. */
  async modelFacts(facts?: LibraryFacts): Promise<ModelFacts> {
    const { state } = facts ?? (await this.#reader.read());
    const key = JSON.stringify([this.#place, state]);
    if (this.#facts?.key === key) return this.#facts.facts;
    const found = this.#lanes.quick.run(this.#place, { kind: "facts" }).result;
    this.#facts = { key, facts: found };
    found.catch(() => {
      if (this.#facts?.facts === found) this.#facts = undefined;
    });
    return found;
  }

  /** Names of the concepts that the library knows. */
  async conceptNames(): Promise<readonly string[]> {
    return (await this.#reader.read()).concepts.map(({ name }) => name);
  }

  /** Where the library is, and which model was asked for. */
  get place(): Place {
    return this.#place;
  }

  /** Tells pages to ask for the state again. */
  changed(): void {
    this.events.add({ kind: "library" });
  }

  /** Tells of previews, which come one after another, together. */
  #tellSoon(): void {
    if (this.#telling !== undefined) return;
    this.#telling = setTimeout(() => {
      this.#telling = undefined;
      this.changed();
    }, 500).unref();
  }

  /** Stops what runs, saves it, and ends the lanes. @returns the jobs that were stopped */
  async close(): Promise<readonly Job[]> {
    const left = this.jobs
      .list()
      .filter(({ status }) => status === "running" || status === "waiting" || status === "stopping");
    this.jobs.stopAll();
    await Promise.all(Object.values(this.#lanes).map((lane) => lane.close()));
    return left;
  }

  get #place(): Place {
    const model = this.#askedModel;
    return { library: this.#reader.folder, ...(model !== undefined && { model }) };
  }

  #previewsOf({ concepts, alike }: LibraryFacts, concept: string): readonly PictureId[] {
    const place = concepts.findIndex(({ name }) => name === concept);
    const drawn = alike.map((state) => this.#previews.get(`${state.id} ${state.concepts[place]}`) ?? []);
    return drawn.find((pictures) => pictures.length > 0 && pictures.every((id) => this.pictures.has(id))) ?? [];
  }

  async #taskOf(request: JobRequest): Promise<JobTask> {
    switch (request.kind) {
      case "learn":
      case "plan": {
        if (request.photos.length === 0) throw new HttpFault(400, "Drop at least one photo.", "input");
        const photos = request.photos.map((id) => this.photos.inMemory(id));
        return { kind: request.kind, request, photos };
      }
      case "ask":
        return { kind: "ask", photo: this.photos.inMemory(request.photo) };
      case "previews": {
        const facts = await this.#reader.read();
        const names = facts.concepts.map(({ name }) => name);
        return { kind: "previews", concepts: names.filter((name) => this.#previewsOf(facts, name).length === 0) };
      }
      case "draw":
      case "remember":
      case "export":
      case "doctor":
      case "verify":
      case "unlearn":
      case "pull":
      case "forget":
      case "rename":
      case "undo":
      case "redo":
      case "keep":
      case "choose-model":
        return request;
    }
  }

  #take(news: Exclude<News, { readonly kind: "progress" | "resumed" }>): void {
    switch (news.kind) {
      case "picture":
        this.pictures.add(news.picture);
        break;
      case "file":
        this.pictures.addFile(news.file);
        break;
      case "preview":
        this.#previews.set(`${news.state} ${news.concept}`, news.pictures);
        this.#tellSoon();
        break;
      case "library":
        this.#reader.forget();
        this.changed();
        break;
    }
  }

  #finish(request: JobRequest, result: JobResult): void {
    if (request.kind === "learn") for (const id of request.photos) this.photos.remove(id);
    // The library says now which model it is on.
    if (request.kind === "choose-model") this.#askedModel = undefined;
    if (!CHANGING.has(result.kind)) return;
    this.#reader.forget();
    this.#facts = undefined;
    this.changed();
  }
}
