/**
 * @file Requests for jobs as they arrive: whatever a body may hold becomes a typed request, or one line that says what
 * is wrong. Whether values make sense is left to the facade, whose words for it every command has.
 */
import { EXPORT_FORMATS } from "../keepsake/files/export.ts";
import type { JobRequest, LearnJobRequest, LearnSettings } from "./api.ts";
import { HttpFault } from "./fault.ts";

/** Pictures of one job: more would push each other out of memory. */
export const MOST_DRAWN = 64;
const LONGEST_TEXT = 10_000;

type Body = Readonly<Record<string, unknown>>;

/** @throws HttpFault for what is no request */
export function jobRequest(body: Body): JobRequest {
  const read = new Fields(body);
  const { kind } = body;
  switch (kind) {
    case "learn":
      return { kind, ...learning(read) };
    case "plan":
      return { kind, ...learning(read) };
    case "draw": {
      const n = read.number("n");
      if (n !== undefined && n > MOST_DRAWN)
        throw new HttpFault(400, `At most ${MOST_DRAWN} pictures are drawn at once.`);
      return compact({
        ...{ kind, n, prompt: read.text("prompt"), negativePrompt: read.textIfAny("negativePrompt") },
        ...{ seed: read.number("seed"), steps: read.number("steps"), guidanceScale: read.number("guidanceScale") },
        ...{ scheduler: read.textIfAny("scheduler"), width: read.number("width"), height: read.number("height") },
      });
    }
    case "ask":
      return { kind, photo: read.text("photo") };
    case "export": {
      const format = EXPORT_FORMATS.find((each) => each === body.format);
      if (format === undefined) throw new HttpFault(400, `The format must be one of ${EXPORT_FORMATS.join(", ")}.`);
      return compact({ kind, format, name: read.textIfAny("name"), fp16: read.flag("fp16") });
    }
    case "unlearn":
      return { kind, name: read.text("name") };
    case "forget":
      return compact({ kind, name: read.text("name"), purge: read.flag("purge") });
    case "rename":
      return { kind, name: read.text("name"), to: read.text("to") };
    case "undo":
      return compact({ kind, to: read.textIfAny("to") });
    case "keep":
      return { kind, keep: read.number("keep") ?? Number.NaN };
    case "pull":
    case "choose-model":
      return { kind, model: read.text("model") };
    case "previews":
    case "remember":
    case "doctor":
    case "verify":
    case "redo":
      return { kind };
    default:
      throw new HttpFault(400, "There is no job of this kind.");
  }
}

function learning(read: Fields): Omit<LearnJobRequest, "kind"> {
  const settings = read.object("settings");
  const photos = read.texts("photos");
  if (new Set(photos).size !== photos.length) throw new HttpFault(400, "A photo is named twice.");
  const again = read.textIfAny("again");
  if (again !== undefined && again !== "more" && again !== "replaced") {
    throw new HttpFault(400, '"again" must be "more" or "replaced".');
  }
  return {
    ...{ name: read.text("name"), classNoun: read.text("classNoun"), photos },
    ...(again !== undefined && { again }),
    ...(settings !== undefined && { settings: learnSettings(new Fields(settings)) }),
  };
}

function learnSettings(read: Fields): LearnSettings {
  return compact({
    ...{ steps: read.number("steps"), budget: read.number("budget"), strategy: read.textIfAny("strategy") },
    ...{ learningRate: read.number("learningRate"), rank: read.number("rank"), seed: read.number("seed") },
    ...{ resolution: read.number("resolution"), flip: read.flag("flip"), sampleEvery: read.number("sampleEvery") },
  });
}

/** Without what is undefined. */
function compact<Value extends object>(value: Value): Value {
  for (const key of Object.keys(value)) if (Reflect.get(value, key) === undefined) Reflect.deleteProperty(value, key);
  return value;
}

/** The fields of a body, by what they should be. */
export class Fields {
  readonly #body: Body;

  constructor(body: Body) {
    this.#body = body;
  }

  text(name: string): string {
    const value = this.textIfAny(name);
    if (value === undefined) throw new HttpFault(400, `"${name}" is missing.`);
    return value;
  }

  textIfAny(name: string): string | undefined {
    const value = this.#body[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "string") throw new HttpFault(400, `"${name}" must be text.`);
    if (value.length > LONGEST_TEXT) throw new HttpFault(400, `"${name}" is too long.`);
    return value;
  }

  number(name: string): number | undefined {
    const value = this.#body[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "number") throw new HttpFault(400, `"${name}" must be a number.`);
    return value;
  }

  flag(name: string): boolean | undefined {
    const value = this.#body[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "boolean") throw new HttpFault(400, `"${name}" must be true or false.`);
    return value;
  }

  texts(name: string): string[] {
    const value = this.#body[name];
    const isList = Array.isArray(value) && value.length <= LONGEST_TEXT;
    if (!isList) throw new HttpFault(400, `"${name}" must be a list.`);
    return value.map((each: unknown) => {
      if (typeof each !== "string") throw new HttpFault(400, `"${name}" must be a list of texts.`);
      return each;
    });
  }

  object(name: string): Body | undefined {
    const value = this.#body[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "object" || Array.isArray(value)) throw new HttpFault(400, `"${name}" must be an object.`);
    return { ...value };
  }
}
