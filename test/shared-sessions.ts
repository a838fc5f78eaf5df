/**
 * @file Sessions of ONNX Runtime that the tests of a process share. To open one takes longer than all its runs here,
 * and most tests open the same few programs of the same few models. A session keeps nothing between runs: once closed
 * it lies ready for the next test that opens the same bytes, on the same files, with the same options.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { loadOnnxRuntime, type Ort } from "../src/graph/onnx-runtime.ts";
import { sha256 } from "../src/io/hash.ts";

type InferenceSession = Ort.InferenceSession;
type Options = Ort.InferenceSession.SessionOptions;

/** Closed sessions and the keys of what they were opened with, the one that was closed last at the end. */
const ready = new Map<InferenceSession, string>();
/** So many lie ready at most; each takes some megabytes. */
const MOST = 60;

const { InferenceSession: sessions } = await loadOnnxRuntime();
const open: (model: Uint8Array, options: Options) => Promise<InferenceSession> = sessions.create.bind(sessions);

const openShared: typeof open = async (model, options) => {
  if (options.enableProfiling === true) return open(model, options);
  const key = keyOf(model, options);
  const [known] = [...ready].findLast(([, itsKey]) => itsKey === key) ?? [];
  if (known !== undefined) ready.delete(known);
  return lent(known ?? (await open(model, options)), key);
};
Reflect.set(sessions, "create", openShared);

/** The session as one program has it: of its own to run and to close. */
function lent(session: InferenceSession, key: string): InferenceSession {
  let isOpen = true;
  const own = {
    run: async (feeds: Ort.InferenceSession.FeedsType) => {
      if (!isOpen) throw new Error("the session is closed");
      return session.run(feeds);
    },
    release: async () => {
      if (!isOpen) throw new Error("the session is closed");
      isOpen = false;
      ready.set(session, key);
      const [[oldest]] = ready;
      if (ready.size > MOST && ready.delete(oldest)) await oldest.release();
    },
  };
  return Object.assign(Object.create(session) as InferenceSession, own); // it has all else from there
}

/** What a session depends on: the model, the files of its weights as they are now, the options. */
function keyOf(model: Uint8Array, options: Options): string {
  const session = options.extra?.session as { model_external_initializers_file_folder_path?: string } | undefined; // of program.ts
  const folder = session?.model_external_initializers_file_folder_path;
  const files = folder === undefined ? [] : [...locationsIn(model)].sort().map((file) => stateOf(join(folder, file)));
  return sha256(JSON.stringify([sha256(model), files, options]));
}

/** The files in which a model's weights lie: values of the key `location` in its protobuf. */
function locationsIn(model: Uint8Array): Set<string> {
  const bytes = Buffer.from(model.buffer, model.byteOffset, model.byteLength);
  const locations = new Set<string>();
  const field = Buffer.from("location\x12");
  for (let at = bytes.indexOf(field); at >= 0; at = bytes.indexOf(field, at + 1)) {
    const start = at + field.length;
    const length = bytes[start] < 128 ? bytes[start] : (bytes[start] & 127) + 128 * bytes[start + 1];
    const first = start + (bytes[start] < 128 ? 1 : 2);
    locations.add(bytes.toString("utf8", first, first + length));
  }
  return locations;
}

function stateOf(file: string): unknown[] {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
  return [file, ...[dev, ino, size, mtimeNs, ctimeNs].map(String)];
}
