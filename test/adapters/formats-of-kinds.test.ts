/**
 * Files of VeRA and DoRA: PEFT's names and shapes, exact round trips, faults in one line.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createDora, Dora } from "../../src/adapters/dora.ts";
import {
  readAdapter,
  readLora,
  writeDiffusersLora,
  writePeftLora,
  writePeftVera,
} from "../../src/adapters/formats/index.ts";
import { createLora } from "../../src/adapters/lora.ts";
import { createVera, Vera } from "../../src/adapters/vera.ts";
import { SafetensorsFile, writeSafetensors, type TensorToWrite } from "../../src/io/safetensors/safetensors.ts";
import { RandomStream } from "../../src/random/random.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { fixture, tinySd1 } from "./tiny-sd1.ts";

const inFolder = temporaryFolder();
const TARGETS = ["attn2.to_k", "self_attn.q_proj"];
const random = (name: string) => new RandomStream(3, name);

/** On layers of the UNet and of the text encoder, with numbers everywhere. */
const vera = filled(createVera(tinySd1, { rank: 3, targets: TARGETS, projectionKey: 5 }));
const unetVera = filled(createVera(tinySd1, { rank: 3, targets: ["attn2.to_k"] }));
const dora = filled(await newDora(TARGETS));
const imageDora = filled(await newDora(["proj_in"]));

function filled<Kind extends Vera | Dora>(adapter: Kind): Kind {
  adapter.parameters.set(random("numbers").normal(adapter.parameters.length));
  return adapter;
}

function newDora(targets: readonly string[]): Promise<Dora> {
  const options = { rank: 2, loraAlpha: 3, targets, random: random("A") };
  return createDora(tinySd1, options, (component, module) => {
    const { inFeatures = 0, outFeatures = 0 } = tinySd1[component]?.get(module) ?? {};
    return Promise.resolve(random(module).normal(inFeatures * outFeatures));
  });
}

const contents = ({ kind, layers, parameters, frozen }: Vera | Dora) => ({ kind, layers, parameters, frozen });

/** A copy of a file with its tensors changed. */
async function edited(
  file: string,
  name: string,
  edit: (tensors: Map<string, { shape: number[]; data: Float32Array }>) => void,
): Promise<string> {
  const from = await SafetensorsFile.open(file);
  const tensors = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const { name: key, shape } of from.tensors.values()) {
    tensors.set(key, { shape: [...shape], data: await from.readFloat32(key) });
  }
  edit(tensors);
  await writeSafetensors(inFolder(name), new Map<string, TensorToWrite>(tensors), from.metadata);
  return inFolder(name);
}

describe("VeRA files", () => {
  it("round-trip exactly through PEFT's folders", async () => {
    await writePeftVera(inFolder("vera"), vera);
    const read = await readAdapter(inFolder("vera"), tinySd1);
    expect(read).toBeInstanceOf(Vera);
    if (read instanceof Vera) expect(contents(read)).toEqual(contents(vera));
  });

  it("have PEFT's names, shapes and settings, projections included", async () => {
    await writePeftVera(inFolder("unet vera"), unetVera);
    const file = await SafetensorsFile.open(inFolder("unet vera", "adapter_model.safetensors"));
    const [{ module, outFeatures }] = unetVera.layers;
    const { inFeatures, outFeatures: widest } = unetVera.projections.get("unet") ?? {};
    expect(file.info("base_model.vera_A").shape).toEqual([3, inFeatures]);
    expect(file.info("base_model.vera_B").shape).toEqual([widest, 3]);
    expect(file.info(`base_model.model.${module}.vera_lambda_b`).shape).toEqual([outFeatures]);
    expect(file.info(`base_model.model.${module}.vera_lambda_d`).shape).toEqual([3]);
    expect(file.tensors.size).toBe(2 + 2 * unetVera.layers.length);
    const config: unknown = JSON.parse(readFileSync(inFolder("unet vera", "adapter_config.json"), "utf8"));
    expect(config).toMatchObject({ peft_type: "VERA", r: 3, save_projection: true, projection_prng_key: 0 });
  });

  it("are refused by PEFT for convolutions, so they are not written, but the LoRA that does the same is", async () => {
    const images = createVera(tinySd1, { rank: 2, targets: ["proj_in"] });
    const { message } = await failure(writePeftVera(inFolder("convolutions"), images));
    expect(message).toMatch(/^unet\.\S+ is a convolution, and PEFT's VeRA is of linear layers only/);
    await writeDiffusersLora(inFolder("as-lora.safetensors"), images.toLora());
    const read = await readLora(inFolder("as-lora.safetensors"), tinySd1);
    expect(read.parameters).toEqual(images.toLora().parameters);
  });

  it("say in one line what is wrong with them", async () => {
    await writePeftVera(inFolder("whole"), unetVera);
    const whole = inFolder("whole", "adapter_model.safetensors");
    const [{ module, outFeatures }] = unetVera.layers;
    const b = `base_model.model.${module}.vera_lambda_b`;
    const faults: [string, string, Parameters<typeof edited>[2]][] = [
      ["no-a", "the projections vera_A are not in the file", (t) => t.delete("base_model.vera_A")],
      ["no-b", "has no vera_lambda_b; the file is incomplete", (t) => t.delete(b)],
      ["ranks", "the ranks of a pair differ", (t) => t.set("base_model.vera_B", { shape: [1, 2], data: zeros(2) })],
      ["short", `should have ${outFeatures} numbers`, (t) => t.set(b, { shape: [1], data: zeros(1) })],
      ["nan", "holds NaN or infinity", (t) => t.get(b)?.data.fill(NaN)],
      [
        "name",
        '"x.lora_A.weight" is not a name known',
        (t) => t.set("x.lora_A.weight", { shape: [1], data: zeros(1) }),
      ],
      [
        "narrow",
        "its projections are narrower than unet layer",
        (t) => t.set("base_model.vera_A", { shape: [3, 1], data: zeros(3) }),
      ],
      [
        "module",
        "made for another model: the model's unet has no layer",
        (t) =>
          t
            .set("base_model.model.x.vera_lambda_b", { shape: [1], data: zeros(1) })
            .set("base_model.model.x.vera_lambda_d", { shape: [3], data: zeros(3) }),
      ],
    ];
    for (const [name, fault, edit] of faults) {
      const path = await edited(whole, `${name}.safetensors`, edit);
      const { message } = await failure(readAdapter(path, tinySd1));
      expect(message).toContain(`${path}: `);
      expect(message).toContain(fault);
    }
  });
});

describe("DoRA files", () => {
  it("round-trip exactly through diffusers' and PEFT's files", async () => {
    await writeDiffusersLora(inFolder("dora.safetensors"), dora);
    await writePeftLora(inFolder("dora"), dora);
    await writePeftLora(inFolder("image dora"), imageDora);
    for (const [path, adapter] of [
      ["dora.safetensors", dora],
      ["dora", dora],
      ["image dora", imageDora],
    ] as const) {
      const read = await readAdapter(inFolder(path), tinySd1);
      expect(read).toBeInstanceOf(Dora);
      if (read instanceof Dora) expect(contents(read)).toEqual(contents(adapter));
    }
  });

  it("have PEFT's names and shapes, and say use_dora", async () => {
    await writePeftLora(inFolder("peft dora"), imageDora);
    const file = await SafetensorsFile.open(inFolder("peft dora", "adapter_model.safetensors"));
    const [{ module, outFeatures }] = imageDora.layers;
    const { kind } = imageDora.layers[0];
    const shape = kind === "conv1x1" ? [1, outFeatures, 1, 1] : [outFeatures];
    expect(file.info(`base_model.model.${module}.lora_magnitude_vector`).shape).toEqual(shape);
    const config: unknown = JSON.parse(readFileSync(inFolder("peft dora", "adapter_config.json"), "utf8"));
    expect(config).toMatchObject({ peft_type: "LORA", use_dora: true, r: 2, lora_alpha: 3 });
  });

  it("are not taken for plain LoRAs, and say in one line what is missing", async () => {
    await writePeftLora(inFolder("a dora"), await newDora(["attn2.to_k"]));
    const path = inFolder("a dora", "adapter_model.safetensors");
    expect((await failure(readLora(path, tinySd1))).message).toContain("belongs to a DoRA adapter");
    const first = "base_model.model.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.lora_magnitude_vector";
    const partly = await edited(path, "partly.safetensors", (tensors) => tensors.delete(first));
    expect((await failure(readAdapter(partly, tinySd1))).message).toContain(
      "has no lora_magnitude_vector, others have",
    );
    writeFileSync(path, readFileSync(partly));
    expect((await failure(readAdapter(inFolder("a dora"), tinySd1))).message).toContain("although use_dora is set");
    const short = await edited(partly, "short-m.safetensors", (tensors) => {
      for (const key of tensors.keys()) if (key.endsWith("vector")) tensors.set(key, { shape: [1], data: zeros(1) });
    });
    expect((await failure(readAdapter(short, tinySd1))).message).toMatch(/should have \d+ numbers, has shape \[1\]$/);
  });
});

describe("readAdapter", () => {
  it("reads plain LoRAs as readLora does", async () => {
    const path = fixture("lora", "kv-peft-native");
    expect((await readAdapter(path, tinySd1)).parameters).toEqual((await readLora(path, tinySd1)).parameters);
    const lora = createLora(tinySd1, { rank: 2, random: random("lora") });
    await writePeftLora(inFolder("lora"), lora);
    expect((await readAdapter(inFolder("lora"), tinySd1)).kind).toBe("lora");
    expect(readFileSync(join(inFolder("lora"), "adapter_config.json"), "utf8")).not.toContain("use_dora");
  });
});

function zeros(count: number): Float32Array {
  return new Float32Array(count);
}
