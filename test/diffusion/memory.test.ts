import { describe, expect, it } from "vitest";
import { CompiledDenoiser } from "../../src/training/denoiser.ts";
import { Lora } from "../../src/adapters/lora.ts";
import { checkMemory, drawingPurpose } from "../../src/diffusion/memory.ts";
import { ImageEncoder } from "../../src/diffusion/latents.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { input, mul } from "../../src/graph/index.ts";
import { availableMemory } from "../../src/io/available-memory.ts";
import { MODEL } from "../keepsake/support.ts";
import { failure } from "../io/failure.ts";

const GB = 1e9;
const outputs = { y: mul(input("x", [1_000_000_000]), 2) };
const check = (memory: number, addressSpace = Infinity, provider: "cpu" | "webgpu" = "cpu") =>
  failure(
    (async () => {
      await Promise.resolve();
      checkMemory([outputs], { provider }, drawingPurpose({ width: 4096, height: 2048 }), { memory, addressSpace });
      throw new Error("allowed");
    })(),
  );

describe("checkMemory", () => {
  it("refuses what certainly does not fit, with both figures and what to do", async () => {
    const { kind, message } = await check(5.2 * GB);
    expect(kind).toBe("environment");
    expect(message).toBe(
      "A picture of 4096x2048 needs at least 10.4 GB of memory, and 5.2 GB are free; " +
        "draw one of 2560x1280 or less (--width, --height).",
    );
  });

  it("refuses what a limit of the shell leaves no room for", async () => {
    expect((await check(100 * GB, GB)).message).toContain("and 1.0 GB may still be mapped (ulimit -v)");
  });

  it("allows what may fit, and everything on devices whose memory is not known", async () => {
    await expect(check(11 * GB)).rejects.toThrow("This was to fail");
    await expect(check(0, 0, "webgpu")).rejects.toThrow("This was to fail");
  });
});

describe("availableMemory", () => {
  it("is some memory of this machine", () => {
    const { memory, addressSpace } = availableMemory();
    expect(memory).toBeGreaterThan(1e8);
    expect(addressSpace).toBeGreaterThan(1e8);
  });
});

describe("sizes that no machine has memory for", () => {
  it("are refused in drawing, encoding and training, before anything is allocated", async () => {
    const pipeline = await StableDiffusionPipeline.load(MODEL);
    const side = 16_384;
    await expect(failure(pipeline.generate({ prompt: "a cat", width: side, height: side }))).resolves.toMatchObject({
      kind: "environment",
    });
    const [width, height] = [side / 8, side / 8];
    const shape = { batchSize: 1000, height, width, learnedRows: 1 };
    expect(() => {
      new CompiledDenoiser(pipeline, new Lora([]), shape).checkMemory();
    }).toThrow(
      /^A training step on 1000 pictures .* needs at least [\d.]+ GB of memory, and .* use a smaller --resolution/,
    );
    const { message } = await failure(ImageEncoder.create(pipeline.vae, { width: side, height: side }));
    expect(message).toMatch(/^Encoding a picture of 16384x16384 needs at least/);
  });
});
