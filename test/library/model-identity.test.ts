import { closeSync, cpSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { initLibrary, verifyLibrary } from "../keepsake/one-shot.ts";
import { openModel } from "../../src/library/library-model.ts";
import type { Library } from "../../src/library/library.ts";
import { checkpointFolder } from "../../src/library/model/model-folder.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";

const inFolder = temporaryFolder();
const BUILT_IN = checkpointFolder("built-in");

/** A copy of the built-in model, whose UNet is large enough to have a middle. */
function copyOfModel(name: string): string {
  const model = inFolder(name);
  for (const part of ["unet", "vae", "text_encoder", "tokenizer", "scheduler", "model_index.json"]) {
    cpSync(join(BUILT_IN, part), join(model, part), { recursive: true });
  }
  return model;
}

/** Changes one number of the UNet, halfway through its file. */
function editMiddle(model: string): void {
  const path = join(model, "unet", "diffusion_pytorch_model.safetensors");
  const middle = statSync(path).size >> 1;
  const file = openSync(path, "r+");
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, middle);
  writeSync(file, Buffer.from([byte[0] ^ 1]), 0, 1, middle);
  closeSync(file);
}

let library: Library;
let edited: string;

beforeAll(async () => {
  library = await initLibrary({ library: inFolder("library") });
  edited = copyOfModel("edited");
  editMiddle(edited);
});

describe("the model of a library", () => {
  it("is any copy of it, and not one that differs in a single bit in the middle of a file", async () => {
    const copy = copyOfModel("copy");
    await openModel(copy, library);
    const { kind, message } = await failure(openModel(edited, library));
    expect(kind).toBe("state");
    expect(message).toBe(
      `${edited}: ${library.folder} was made on another model, and its adapter does not fit this one; ` +
        "use --model built-in, or choose another library with --library.",
    );
  });

  it("is named by the folder that the library has recorded, quoted for a shell", async () => {
    const made = copyOfModel("a model's $(folder)");
    const other = await initLibrary({ library: inFolder("other"), model: made });
    const { message } = await failure(openModel(edited, other));
    expect(message).toContain(`use --model '${made.replace("'", "'\\''")}', or choose another library`);
  });

  it("is noticed when its files were changed where they lie", async () => {
    const model = copyOfModel("changed in place");
    const other = await initLibrary({ library: inFolder("on it"), model });
    await openModel(undefined, other);
    editMiddle(model);
    const { message } = await failure(openModel(undefined, other));
    expect(message).toContain(`${model}: its weights are not those any more that ${other.folder} was made on`);
    expect(message).toContain("--model <path>");
    expect(await verifyLibrary(other.folder)).toMatchObject({ model: "another" });
  });
});
