import { beforeAll, describe, expect, it } from "vitest";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { adapterSettings, trainingSettings } from "../../src/learning/learn-settings.ts";
import { MODEL } from "../keepsake/support.ts";

let pipeline: StableDiffusionPipeline;

beforeAll(async () => {
  pipeline = await StableDiffusionPipeline.load(MODEL);
});

describe("targets of an adapter", () => {
  const recorded = (targets: string) => adapterSettings({ targets }, undefined, "it", 0).targets;

  it("are recorded without blanks and repetitions", () => {
    expect(recorded(`to_k${" ".repeat(9997)}`)).toBe("to_k");
    expect(recorded(new Array(3000).fill("to_k").join(","))).toBe("to_k");
    expect(recorded(" attn ")).toBe("attn");
    expect(recorded("to_v, to_k,to_v")).toBe("to_v,to_k");
  });

  it("that a library could not record are refused", () => {
    const targets = Array.from({ length: 3000 }, (_, i) => `${i}.to_k`).join(",");
    expect(() => recorded(targets)).toThrow(/at most 10000 are possible; use shorter endings/);
  });

  it("are the same however they are written", () => {
    const known = { rank: 2, loraAlpha: 2, targets: "to_k, to_v" };
    expect(adapterSettings({ targets: "to_k,to_v" }, known, "it", 0)).toEqual(known);
    expect(() => adapterSettings({ targets: "to_v" }, known, "it", 0)).toThrow("has targets to_k, to_v");
  });
});

describe("training settings", () => {
  it("that are undefined are the defaults", () => {
    const open = { steps: undefined, lrScheduler: undefined, resolution: undefined, emaDecay: undefined };
    expect(trainingSettings(open, pipeline)).toEqual(trainingSettings({}, pipeline));
  });

  it.each([
    { weightDecay: NaN },
    { weightDecay: -1 },
    { maxGradNorm: Infinity },
    { maxGradNorm: 0 },
    { seed: -1 },
    { seed: 1.5 },
  ])("that a library could not record are refused: %o", (setting) => {
    expect(() => trainingSettings(setting, pipeline)).toThrow(/ is .*, expected a /);
  });
});
