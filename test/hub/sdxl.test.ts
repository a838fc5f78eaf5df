import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openCheckpoint } from "../../src/diffusion/open-checkpoint.ts";
import { listCached } from "../../src/hub-cache/cached-models.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { modelFiles } from "./model-files.ts";
import { environment, hubForTests, pull } from "./support.ts";

const inFolder = temporaryFolder();
const hub = hubForTests(modelFiles("tiny-sdxl"));

it("SDXL comes with both of its text encoders and tokenizers, and is found again without the hub", async () => {
  const first = await pull(hub, inFolder("home"));
  const { text } = await openCheckpoint(first.folder);
  expect(text.encoders.map(({ component }) => component)).toEqual(["text_encoder", "text_encoder_2"]);
  expect(existsSync(join(first.folder, "tokenizer_2", "vocab.json"))).toBe(true);
  hub.seen.length = 0;
  expect((await pull(hub, inFolder("home"))).folder).toBe(first.folder);
  expect(hub.seen).toEqual([]);
  const [listed] = await listCached(environment(hub, inFolder("home")));
  expect(listed).toMatchObject({ isUsable: true, isWhole: true });
});
