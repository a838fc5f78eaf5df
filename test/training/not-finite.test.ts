/** NaN and infinity: whose fault they are is told apart, since a lower learning rate mends one of the causes only. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { generatePictures } from "../keepsake/one-shot.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, writePhotos } from "../keepsake/support.ts";

const inFolder = temporaryFolder();
let photos: string;

beforeAll(async () => {
  photos = await writePhotos(inFolder("photos"), "cat");
});

/** A copy of the tiny model in which every number of a tensor is another one. */
function modelWith(name: string, component: string, file: string, tensor: string, value: number): string {
  const model = inFolder(name);
  cpSync(MODEL, model, { recursive: true });
  const path = join(model, component, file);
  const bytes = readFileSync(path);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerLength)) as Record<string, { data_offsets: number[] }>;
  const [begin = 0, end = 0] = header[tensor]?.data_offsets ?? [];
  for (let at = begin; at < end; at += 4) bytes.writeFloatLE(value, 8 + headerLength + at);
  writeFileSync(path, bytes);
  return model;
}

const UNET = "diffusion_pytorch_model.safetensors";

describe("what is not finite", () => {
  it("is named by file and tensor if it is a weight, in learning and in drawing", async () => {
    const model = modelWith("nan", "unet", UNET, "conv_in.weight", NaN);
    const damage = `${join(model, "unet", UNET)}: tensor "conv_in.weight" holds NaN or infinity: these weights are damaged`;
    const learned = await failure(learnQuickly({ library: inFolder("a"), model, name: "x", photos: [photos] }));
    expect([learned.kind, learned.message]).toEqual(["input", expect.stringContaining(damage)]);
    expect(learned.message).not.toContain("--lr");
    const size = { width: 32, height: 32, steps: 1, program: { threads: 1 } };
    const request = { model, prompt: "a cat", files: [inFolder("x.png")], ...size };
    expect((await failure(generatePictures(request))).message).toContain(damage);
  });

  it("is named as a weight of the VAE before anything is trained", async () => {
    const model = modelWith("vae", "vae", UNET, "encoder.conv_in.weight", Infinity);
    const { message } = await failure(learnQuickly({ library: inFolder("b"), model, name: "x", photos: [photos] }));
    expect(message).toContain('tensor "encoder.conv_in.weight" holds NaN or infinity');
  });

  it("is not laid to an adapter where there is none", async () => {
    const model = modelWith("overflow in a picture", "unet", UNET, "conv_out.weight", 3e38);
    const request = { prompt: "a cat", files: [inFolder("x.png")], steps: 1, program: { threads: 1 } };
    const { message } = await failure(generatePictures({ model, width: 32, height: 32, ...request }));
    expect(message).toContain("all weights are finite: the model overflows");
    expect(message).not.toContain("adapter");
  });

  it("is the model's fault if it comes before anything was learned, though all weights are finite", async () => {
    const model = modelWith("overflow", "unet", UNET, "conv_out.weight", 3e38);
    const { message } = await failure(learnQuickly({ library: inFolder("c"), model, name: "x", photos: [photos] }));
    expect(message).toBe(
      "The model's predictions are NaN or infinite before anything of x was learned: " +
        "no setting mends that; use another checkpoint of the model.",
    );
  });
});
