import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  add,
  conv2d,
  embedding,
  gradients,
  input,
  linear,
  mul,
  parameter,
  reshape,
  sum,
  toFloat32,
} from "../../src/graph/index.ts";
import { SafetensorsFile, writeSafetensors, type TensorToWrite } from "../../src/io/safetensors/safetensors.ts";
import { compute, noise } from "./support/compute.ts";
import { loadStored, STORED } from "./support/stored-weight.ts";
import { expectClose } from "./support/op-cases.ts";

let folder: string;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "keepsake-parameter-")));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Writes a safetensors file below the temporary folder. */
async function weights(path: string, tensors: Readonly<Record<string, TensorToWrite>>): Promise<string> {
  const file = join(folder, path);
  await mkdir(join(file, ".."), { recursive: true });
  await writeSafetensors(file, new Map(Object.entries(tensors)));
  return file;
}

describe("parameter", () => {
  it.each(["mapped", "packed"] as const)("reads %s weights where they lie in a file", async (mode) => {
    const [matrix, vector] = [noise(12, 1), noise(3, 2)];
    const file = await weights("plain.safetensors", {
      "layer.weight": { shape: [3, 4], data: matrix },
      "layer.bias": { shape: [3], data: vector },
    });
    const [weight, bias] = [await loadStored(file, "layer.weight"), await loadStored(file, "layer.bias")];
    const y = linear(input("x", [1, 4]), weight, bias);
    const result = await compute({ y, weight, bias }, { x: Float32Array.of(0, 0, 1, 0) }, { weights: mode });
    expect(result.weight).toEqual(matrix);
    expect(result.bias).toEqual(vector);
    expectClose(
      result.y,
      vector.map((b, row) => b + matrix[row * 4 + 2]),
      1e-6,
    );
  });

  it("widens a large half-precision kernel in parts, with the same result", async () => {
    // One more row than fits the largest part. The numbers are small integers, so every sum is exact.
    const [rows, columns] = [2049, 4096];
    const integers = (count: number, step: number) =>
      Float32Array.from({ length: count }, (_, i) => ((i * step) % 7) - 3);
    const [kernel, offset] = [integers(rows * columns, 5), integers(rows, 3)];
    const file = await weights("large.safetensors", {
      "conv.weight": { shape: [rows, columns, 1, 1], data: kernel, dtype: "F16" },
      "conv.bias": { shape: [rows], data: offset, dtype: "F16" },
    });
    const [weight, bias] = [await loadStored(file, "conv.weight"), await loadStored(file, "conv.bias")];
    const x = input("x", [1, columns, 1, 1]);
    const y = conv2d(x, toFloat32(weight), toFloat32(bias));
    const [dx] = gradients(sum(mul(y, input("dy", y.shape))), [x]);
    if (dx === undefined) throw new Error("no gradient");
    const feeds = { x: integers(columns, 2), dy: integers(rows, 4) };
    const result = await compute({ y, dx }, feeds);
    const expected = offset.map((b, row) => {
      let total = b;
      for (let i = 0; i < columns; i++) total += kernel[row * columns + i] * feeds.x[i];
      return total;
    });
    expect(result.y).toEqual(expected);
    const gradient = feeds.x.map((_, column) => {
      let total = 0;
      for (let i = 0; i < rows; i++) total += kernel[i * columns + column] * feeds.dy[i];
      return total;
    });
    expect(result.dx).toEqual(gradient);
  });

  it.each(["F16", "BF16"] as const)(
    "converts %s weights exactly, in every use and through a reshape",
    async (dtype) => {
      // Numbers that both half types hold, the smallest normal float16 among them.
      const values = Float32Array.of(1, -0.5, 0.375, 2, -3, 0, 96, 2 ** -14);
      const file = await weights(`${dtype}.safetensors`, { w: { shape: [2, 4], data: values, dtype } });
      const weight = await loadStored(file, "w");
      expect(weight.dtype).toBe(STORED[dtype]);
      const converted = toFloat32(weight);
      const x = input("x", [1, 4]);
      const kernel = toFloat32(reshape(weight, [2, 4, 1, 1]));
      const [dx] = gradients(sum(linear(x, converted)), [x]);
      const outputs = {
        converted,
        product: linear(x, converted),
        picture: conv2d(reshape(x, [1, 4, 1, 1]), kernel),
        rows: toFloat32(embedding(weight, input("ids", [2], "int32"))),
        twice: add(converted, converted),
        dx,
      };
      const feeds = { x: Float32Array.of(1, 1, 1, 1), ids: Int32Array.of(1, 1) };
      for (const mode of ["mapped", "packed"] as const) {
        const result = await compute(outputs, feeds, { weights: mode });
        expect(result.converted).toEqual(values);
        expect(result.product).toEqual(Float32Array.of(2.875, 93 + 2 ** -14));
        expect(result.picture).toEqual(result.product);
        expect(result.rows).toEqual(Float32Array.of(...values.slice(4), ...values.slice(4)));
        expect(result.twice).toEqual(values.map((value) => 2 * value));
        expect(result.dx).toEqual(Float32Array.of(-2, -0.5, 96.375, 2 + 2 ** -14));
      }
    },
  );

  it("takes weights from several files in different folders", async () => {
    const files = ["model/unet/a.safetensors", "model/vae/deep/b.safetensors", "c.safetensors"];
    const parts = await Promise.all(
      files.map(async (path, i) => {
        const file = await weights(path, { [`part${i}`]: { shape: [2], data: Float32Array.of(i + 1, 10 * (i + 1)) } });
        return loadStored(file, `part${i}`);
      }),
    );
    const total = parts.reduce((a, b) => add(a, b));
    expect((await compute({ total }, {})).total).toEqual(Float32Array.of(6, 60));
  });

  it("keeps apart weights of one name in different files, and in different places of one file", async () => {
    const name = "text_model.embeddings";
    const [one, two] = [
      await weights("text_encoder/model.safetensors", { [name]: { shape: [2], data: Float32Array.of(1, 2) } }),
      await weights("text_encoder_2/model.safetensors", { [name]: { shape: [2], data: Float32Array.of(3, 4) } }),
    ];
    const [a, b] = [await loadStored(one, name), await loadStored(two, name)];
    const info = (await SafetensorsFile.open(two)).info(name);
    const source = { path: two, byteOffset: info.byteOffset + 4, byteLength: 4, dtype: "float32" } as const;
    const [c, d] = [parameter("half", [1], { ...source, byteOffset: info.byteOffset }), parameter("half", [1], source)];
    expect(await compute({ a, b, c, d }, {})).toEqual({
      a: Float32Array.of(1, 2),
      b: Float32Array.of(3, 4),
      c: Float32Array.of(3),
      d: Float32Array.of(4),
    });
  });

  it("takes any path: spaces, other alphabets, quotes", async () => {
    const names = ["mein Ordner/ein Modell.safetensors", "モデル/重み.safetensors", "a'b\"c%20#?/é.safetensors"];
    const tensors = await Promise.all(
      names.map(async (path, i) => {
        return loadStored(await weights(path, { [`w${i}`]: { shape: [1], data: Float32Array.of(i + 1) } }), `w${i}`);
      }),
    );
    const total = tensors.reduce((a, b) => add(a, b));
    expect((await compute({ total }, {})).total).toEqual(Float32Array.of(6));
  });

  it("follows symbolic links out of the model's folder once they are resolved", async () => {
    const blob = await weights("blobs/0123abcd", { w: { shape: [2], data: Float32Array.of(5, 6) } });
    await mkdir(join(folder, "snapshots/main"), { recursive: true });
    const link = join(folder, "snapshots/main/model.safetensors");
    await symlink(join("..", "..", "blobs", "0123abcd"), link);
    const other = await weights("snapshots/main/other.safetensors", { v: { shape: [2], data: Float32Array.of(1, 1) } });
    expect(await realpath(link)).toBe(blob);
    const [linked, plain] = [await loadStored(link, "w"), await loadStored(other, "v")];
    expect((await compute({ y: add(linked, plain) }, {})).y).toEqual(Float32Array.of(6, 7));
  });

  it("is an error when the file is gone or too short", async () => {
    const source = { path: join(folder, "gone.safetensors"), byteOffset: 0, byteLength: 8, dtype: "float32" } as const;
    await expect(compute({ y: mul(parameter("w", [2], source), 2) }, {})).rejects.toThrow(/gone\.safetensors/);
    await writeFile(source.path, new Uint8Array(7));
    await expect(compute({ y: mul(parameter("w", [2], source), 2) }, {})).rejects.toThrow(/gone\.safetensors/);
  });
});
