import { describe, expect, it } from "vitest";
import { discoverModules, parseTargets, selectModules } from "../../src/adapters/modules.ts";
import { tinySd1 } from "./tiny-sd1.ts";

const names = (targets: Parameters<typeof selectModules>[1]): string[] =>
  selectModules(tinySd1, targets).map(({ component, module }) => `${component}.${module}`);

describe("discoverModules", () => {
  it("finds linear layers and 1x1 convolutions, and nothing else", () => {
    const tensors = [
      { name: "attn2.to_k.weight", shape: [16, 32] },
      { name: "proj_in.weight", shape: [16, 8, 1, 1] },
      { name: "conv1.weight", shape: [16, 16, 3, 3] },
      { name: "norm.weight", shape: [16] },
      { name: "attn2.to_out.0.bias", shape: [16] },
      { name: "text_model.embeddings.token_embedding.weight", shape: [1000, 32] },
      { name: "text_model.embeddings.position_ids", shape: [1, 77] },
    ];
    expect([...discoverModules(tensors)]).toEqual([
      ["attn2.to_k", { kind: "linear", inFeatures: 32, outFeatures: 16 }],
      ["proj_in", { kind: "conv1x1", inFeatures: 8, outFeatures: 16 }],
    ]);
  });
});

describe("selectModules", () => {
  it("takes the keys and values of cross-attention by default", () => {
    const chosen = names(undefined);
    expect(chosen).toHaveLength(32);
    expect(chosen.every((name) => /^unet\..*\.attn2\.to_[kv]$/.test(name))).toBe(true);
  });

  it("knows wider presets", () => {
    expect(names("crossattn")).toHaveLength(64);
    // Four projections of 2 attentions in 16 UNet blocks, and of each text encoder layer.
    const layers = new Set(
      names("attn")
        .filter((name) => name.startsWith("text_encoder"))
        .map((name) => name.split(".")[4]),
    );
    expect(names("attn")).toHaveLength(128 + 4 * layers.size);
    const all = names("all-linear");
    expect(all).toContain("unet.mid_block.attentions.0.proj_in");
    expect(all).toContain("unet.mid_block.attentions.0.transformer_blocks.0.ff.net.0.proj");
    expect(all).toContain("text_encoder.text_model.encoder.layers.0.mlp.fc2");
    expect(all).not.toContain("unet.time_embedding.linear_1");
    // Ten per UNet block and two 1x1 convolutions around it, six per text encoder layer.
    expect(all).toHaveLength(12 * 16 + 6 * layers.size);
  });

  it("takes endings of paths", () => {
    expect(names(["attn1.to_q", "to_out.0"])).toHaveLength(48);
    expect(names(["time_embedding.linear_1"])).toEqual(["unet.time_embedding.linear_1"]);
    expect(names(["fc1"]).every((name) => name.endsWith(".mlp.fc1"))).toBe(true);
  });

  it("refuses targets that match no layer", () => {
    expect(() => names(["to_k", "to_z"])).toThrow('The target "to_z" matches no layer of this model');
    // "o_k" is the end of a name, but not of a path's part.
    expect(() => names(["o_k"])).toThrow('"o_k"');
    expect(() => names([])).toThrow("There is no target");
    expect(() => selectModules({ text_encoder: tinySd1.text_encoder }, "crossattn")).toThrow(
      '"crossattn" match no layer',
    );
  });

  it("reads targets from a command line", () => {
    expect(parseTargets("attn")).toBe("attn");
    expect(parseTargets("to_q, ff.net.2")).toEqual(["to_q", "ff.net.2"]);
    expect(parseTargets("toString")).toEqual(["toString"]);
  });
});
