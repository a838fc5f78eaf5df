/** @file Requests to the studio's server, on this machine. Each fault is one that a person can read. */
import type {
  Fault,
  Job,
  JobRequest,
  NamesCheck,
  PhotoEdit,
  StudioModel,
  StudioPhoto,
  StudioState,
} from "../../../src/studio/api.ts";
import { text } from "../strings.ts";

/** What a request came to, if it is no answer. */
export class ServerFault extends Error {
  readonly kind: Fault["kind"] | "unreachable" | "locked";

  constructor(kind: ServerFault["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

export const server = {
  state: () => ask<StudioState>("GET", "/api/state"),
  models: () => ask<StudioModel[]>("GET", "/api/models"),
  photos: () => ask<StudioPhoto[]>("GET", "/api/photos"),
  addPhoto: (file: File, name: string) =>
    ask<StudioPhoto>("POST", `/api/photos?name=${encodeURIComponent(name)}`, { bytes: file, type: OCTETS }),
  editPhoto: (id: string, edit: PhotoEdit) => ask<StudioPhoto>("PATCH", photoPath(id), { json: edit }),
  removePhoto: (id: string) => ask<undefined>("DELETE", photoPath(id)),
  putMask: (id: string, png: Blob) =>
    ask<StudioPhoto>("PUT", `${photoPath(id)}/mask`, { bytes: png, type: "image/png" }),
  removeMask: (id: string) => ask<StudioPhoto>("DELETE", `${photoPath(id)}/mask`),
  checkNames: (name: string, classNoun: string) =>
    ask<NamesCheck>("POST", "/api/names/check", { json: { name, classNoun } }),
  startJob: (request: JobRequest) => ask<Job>("POST", "/api/jobs", { json: request }),
  stopJob: (id: string) => ask<Job>("POST", `${jobPath(id)}/stop`, { json: {} }),
  resumeJob: (id: string) => ask<Job>("POST", `${jobPath(id)}/resume`, { json: {} }),
  removeJob: (id: string) => ask<undefined>("DELETE", jobPath(id)),
};

/** Addresses of pictures and files. */
export const address = {
  crop: ({ id, version }: StudioPhoto) => `${photoPath(id)}/crop.png?v=${version}`,
  mask: ({ id, version }: StudioPhoto) => `${photoPath(id)}/mask.png?v=${version}`,
  whole: (id: string) => `${photoPath(id)}/whole.jpg`,
  picture: (id: string) => `/api/pictures/${encodeURIComponent(id)}.png`,
  /** For saving. `hasPrompt`: how it was drawn is in the file. */
  savedPicture: (id: string, name: string, hasPrompt: boolean) =>
    `/api/pictures/${encodeURIComponent(id)}.png?metadata=${hasPrompt ? "yes" : "no"}&download=${encodeURIComponent(name)}`,
  file: (id: string) => `/api/files/${encodeURIComponent(id)}`,
  events: (after: number) => `/api/events?after=${after}`,
};

const photoPath = (id: string) => `/api/photos/${encodeURIComponent(id)}`;
const jobPath = (id: string) => `/api/jobs/${encodeURIComponent(id)}`;

const OCTETS = "application/octet-stream";

type Body = { readonly json: unknown } | { readonly bytes: Blob; readonly type: string };

async function ask<Answer>(method: string, path: string, sent?: Body): Promise<Answer> {
  const [type, body] = await serialized(sent);
  const headers = type === undefined ? undefined : { "content-type": type };
  const response = await fetch(path, { method, headers, body }).catch(() => {
    throw new ServerFault("unreachable", text.connection.unreachable);
  });
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as Answer;
  throw await faultOf(response);
}

/** The media type and the bytes. */
async function serialized(sent: Body | undefined): Promise<[string?, (string | ArrayBuffer)?]> {
  if (sent === undefined) return [];
  return "json" in sent ? ["application/json", JSON.stringify(sent.json)] : [sent.type, await sent.bytes.arrayBuffer()];
}

async function faultOf(response: Response): Promise<ServerFault> {
  const said: unknown = await response.json().catch(() => undefined);
  if (isFault(said)) {
    const isLocked = response.status === 401 || response.status === 403;
    return new ServerFault(isLocked ? "locked" : said.kind, said.message);
  }
  if (response.status === 401 || response.status === 403) return new ServerFault("locked", text.connection.locked);
  return new ServerFault("defect", text.connection.status(response.status));
}

function isFault(said: unknown): said is Fault {
  return typeof said === "object" && said !== null && "kind" in said && "message" in said;
}
