import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readTokenEmbeddings, writeTokenEmbedding } from "../../src/adapters/formats/token-embedding.ts";
import { tokenFromNoise, tokenFromNoun, tokenNames } from "../../src/adapters/textual-inversion.ts";
import { SafetensorsFile, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { RandomStream } from "../../src/random/random.ts";
import { fixture } from "./tiny-sd1.ts";

const table = { values: Float32Array.of(1, 2, 3, 4, 5, 6), width: 2 };
const folder = await mkdtemp(join(tmpdir(), "textual-inversion-"));

describe("initial values of a token", () => {
  it("are the class noun's embedding", () => {
    expect(tokenFromNoun("<cat>", table, [1])).toEqual({
      token: "<cat>",
      vectors: Float32Array.of(3, 4),
      count: 1,
      width: 2,
    });
  });

  it("are the mean of the embeddings of a noun of several tokens", () => {
    expect(tokenFromNoun("<duck>", table, [0, 2]).vectors).toEqual(Float32Array.of(3, 4));
  });

  it("repeat for a token of several vectors", () => {
    expect(tokenFromNoun("<cat>", table, [0], 3).vectors).toEqual(Float32Array.of(1, 2, 1, 2, 1, 2));
  });

  it("can be noise of the table's standard deviation", () => {
    const large = { values: new RandomStream(3).normal(4000).map((z) => 0.013 * z), width: 40 };
    const { vectors, count, width } = tokenFromNoise("<cat>", large, new RandomStream(4), 50);
    expect([count, width, vectors.length]).toEqual([50, 40, 2000]);
    const deviation = Math.sqrt(vectors.reduce((sum, value) => sum + value * value, 0) / vectors.length);
    expect(deviation / 0.013).toBeCloseTo(1, 1);
    expect(tokenFromNoise("<cat>", large, new RandomStream(4), 50).vectors).toEqual(vectors);
  });

  it("need a noun, ids within the table and at least one vector", () => {
    expect(() => tokenFromNoun("<cat>", table, [])).toThrow("the class noun for <cat> is empty");
    expect(() => tokenFromNoun("<cat>", table, [3])).toThrow(RangeError);
    expect(() => tokenFromNoun("<cat>", table, [0], 0)).toThrow("at least 1, got 0");
    expect(() => tokenFromNoise("<cat>", table, new RandomStream(1), 1.5)).toThrow("at least 1, got 1.5");
  });
});

describe("tokenNames", () => {
  it("numbers the vectors after the first, as diffusers", () => {
    expect(tokenNames({ token: "<style>", count: 3 })).toEqual(["<style>", "<style>_1", "<style>_2"]);
  });
});

describe("files of token embeddings", () => {
  it("reads diffusers' layout with one vector and with several", async () => {
    const [single] = await readTokenEmbeddings(fixture("textual-inversion", "single.safetensors"), { width: 32 });
    expect([single.token, single.count, single.width]).toEqual(["<fx-cat>", 1, 32]);
    const [multi] = await readTokenEmbeddings(fixture("textual-inversion", "multi.safetensors"));
    expect([multi.token, multi.count, multi.width, multi.vectors.length]).toEqual(["<fx-style>", 3, 32, 96]);
  });

  it("writes what it reads back exactly", async () => {
    for (const name of ["single", "multi"]) {
      const [embedding] = await readTokenEmbeddings(fixture("textual-inversion", `${name}.safetensors`));
      const path = join(folder, `${name}.safetensors`);
      await writeTokenEmbedding(path, embedding);
      expect(await readTokenEmbeddings(path)).toEqual([embedding]);
    }
  });

  it("writes the same bytes as diffusers for a token of several vectors", async () => {
    const original = fixture("textual-inversion", "multi.safetensors");
    const [embedding] = await readTokenEmbeddings(original);
    const path = join(folder, "same.safetensors");
    await writeTokenEmbedding(path, embedding);
    const [ours, theirs] = [await readFile(path), await readFile(original)];
    const header = (bytes: Buffer): unknown => JSON.parse(bytes.toString("utf8", 8, 8 + bytes.readUInt32LE(0)));
    expect(header(ours)).toEqual(header(theirs));
  });

  it("names an AUTOMATIC1111 embedding after its file", async () => {
    const path = join(folder, "my-cat.safetensors");
    await writeSafetensors(path, new Map([["emb_params", { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }]]));
    const [embedding] = await readTokenEmbeddings(path);
    expect([embedding.token, embedding.count]).toEqual(["my-cat", 2]);
    const [renamed] = await readTokenEmbeddings(path, { token: "<cat>" });
    expect(renamed.token).toBe("<cat>");
  });

  it("reads and writes those of SDXL, for two text encoders, under the name of the file", async () => {
    const path = join(folder, "robot.safetensors");
    const vectors = Float32Array.of(1, 2, 10, 20, 30, 3, 4, 40, 50, 60);
    await writeTokenEmbedding(path, { token: "<any>", vectors, count: 2, width: 5 }, { widths: [2, 3] });
    const file = await SafetensorsFile.open(path);
    expect([...file.tensors.keys()].sort()).toEqual(["clip_g", "clip_l"]);
    expect([...(await file.readFloat32("clip_l"))]).toEqual([1, 2, 3, 4]);
    expect([...(await file.readFloat32("clip_g"))]).toEqual([10, 20, 30, 40, 50, 60]);
    expect(await readTokenEmbeddings(path)).toEqual([{ token: "robot", vectors, count: 2, width: 5 }]);
    await expect(readTokenEmbeddings(path, { width: 2 })).rejects.toThrow(
      "made for another model: clip_l with clip_g has 5 numbers per vector, this model's text encoder 2",
    );
    await expect(
      writeTokenEmbedding(path, { token: "<any>", vectors, count: 2, width: 5 }, { widths: [2, 2] }),
    ).rejects.toThrow("The widths of the text encoders, 2 + 2, do not make 5.");
  });

  it("refuses embeddings of another model, of half of SDXL, of a wrong shape, with NaN, and pickles", async () => {
    const single = fixture("textual-inversion", "single.safetensors");
    await expect(readTokenEmbeddings(single, { width: 768 })).rejects.toThrow(
      'made for another model: "<fx-cat>" has 32 numbers per vector, this model\'s text encoder 768',
    );
    const write = async (name: string, tensors: Readonly<Record<string, number[]>>, fill = 0): Promise<string> => {
      const path = join(folder, name);
      const entries = Object.entries(tensors).map(([key, shape]): [string, { shape: number[]; data: Float32Array }] => [
        key,
        { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(fill) },
      ]);
      await writeSafetensors(path, new Map(entries));
      return path;
    };
    await expect(readTokenEmbeddings(await write("half.safetensors", { clip_l: [1, 2] }))).rejects.toThrow(
      "the embedding has no clip_g; SDXL needs clip_l and clip_g",
    );
    await expect(
      readTokenEmbeddings(await write("uneven.safetensors", { clip_l: [1, 2], clip_g: [2, 4] })),
    ).rejects.toThrow("the token's vectors are 1 in clip_l and 2 in clip_g");
    await expect(readTokenEmbeddings(await write("3d.safetensors", { "<a>": [1, 2, 3] }))).rejects.toThrow(
      "shape [1, 2, 3]",
    );
    await expect(readTokenEmbeddings(await write("nan.safetensors", { "<a>": [2] }, Number.NaN))).rejects.toThrow(
      "NaN",
    );
    const two = await write("two.safetensors", { "<a>": [2], "<b>": [2] });
    expect((await readTokenEmbeddings(two)).map(({ token }) => token)).toEqual(["<a>", "<b>"]);
    await expect(readTokenEmbeddings(two, { token: "<c>" })).rejects.toThrow("holds 2 tokens");
    const lora = await write("lora.safetensors", { "unet.mid_block.x.lora_A.weight": [4, 32] });
    await expect(readTokenEmbeddings(lora)).rejects.toThrow("this is a LoRA");
    const model = await write("model.safetensors", { "conv_in.bias": [4] });
    await expect(readTokenEmbeddings(model)).rejects.toThrow("this is the weights of a model");
    const pickle = join(folder, "learned_embeds.bin");
    await writeFile(pickle, "PK");
    await expect(readTokenEmbeddings(pickle)).rejects.toThrow("pickle files can run code");
  });
});
