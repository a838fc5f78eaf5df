import { beforeAll, describe, expect, it, vi } from "vitest";
import {
  Adapter,
  filled,
  findAdapterKind,
  overFeatures,
  registerAdapterKind,
  selectModules,
  type AdaptedLayer,
  type AdaptedSite,
  type AdapterKind,
  type LayerTensors,
} from "../../src/adapters/index.ts";
import { add, mul, type Tensor } from "../../src/graph/index.ts";
import { generatePictures } from "../keepsake/one-shot.ts";
import { verifyLibrary } from "../keepsake/one-shot.ts";
import { Library } from "../../src/library/library.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, writePhotos } from "../keepsake/support.ts";

interface GainLayer extends AdaptedLayer {
  readonly gain: Float32Array;
}

/** One number for each output of a layer: y becomes y + g ⊙ y. */
class Gains extends Adapter<GainLayer> {
  readonly kind = "gains";

  constructor(layers: Iterable<GainLayer>) {
    const part = {
      name: "gain",
      shape: ({ outFeatures }: GainLayer) => [outFeatures],
      values: ({ gain }: GainLayer) => gain,
    };
    super(layers, [part], (layer, [gain]) => ({ ...layer, gain }));
  }

  get layout(): string {
    return JSON.stringify([this.kind, this.layers.map(({ component, module }) => [component, module])]);
  }

  adapt({ kind }: GainLayer, { trained: [gain] }: LayerTensors, { y, strength }: AdaptedSite): Tensor {
    return add(y, mul(y, overFeatures(kind, y, mul(gain, strength))));
  }

  withParameters(parameters: Float32Array): Gains {
    return filled(new Gains(this.layers), parameters);
  }
}

const gains: AdapterKind = {
  name: "gains",
  summary: "a gain for each output of a layer",
  defaultRank: 1,
  hasAlpha: false,
  hasProjections: false,
  changesNothingAtZero: true,
  layout: (model, { targets, rank }) =>
    new Gains(
      selectModules(model, targets).map(({ component, module, shape }) => {
        return { ...shape, component, module, rank, gain: new Float32Array(shape.outFeatures) };
      }),
    ),
  create: (model, options) => Promise.resolve(gains.layout(model, options)),
};

const inFolder = temporaryFolder();
const library = inFolder("library");
const picture = { prompt: "<dog>", steps: 1, width: 32, height: 32 };

beforeAll(async () => {
  registerAdapterKind(gains);
  const photos = [await writePhotos(inFolder("dog"), "dog")];
  await learnQuickly({ library, name: "dog", photos, adapter: { kind: "gains", rank: 1 } });
});

describe("a kind of adapter from outside", () => {
  it("is trained, recorded, verified and drawn with", async () => {
    const { manifest } = await Library.open(library);
    expect(manifest.adapter).toMatchObject({ kind: "gains", form: "low-rank", rank: 1, targets: "crossattn-kv" });
    expect(await verifyLibrary(library)).toMatchObject({ faults: [], model: "checked" });
    expect(await generatePictures({ ...picture, library, files: [inFolder("dog.png")] })).toHaveLength(1);
  });

  it("is refused in one line that says what to do, where it is not registered", async () => {
    vi.resetModules();
    const { generatePictures: generate } = await import("../keepsake/one-shot.ts");
    const { verifyLibrary: verify } = await import("../keepsake/one-shot.ts");
    const message = await generate({ ...picture, library, files: [inFolder("none.png")] }).catch(String);
    expect(message).toContain(`${library}: its adapter is of the kind "gains", which is not registered; call register`);
    expect(message).not.toContain("\n");
    expect(await verify(library)).toMatchObject({ faults: [] });
  });
});

describe("registerAdapterKind", () => {
  it("takes the same kind twice, and refuses another one of its name, or one that cannot be named", async () => {
    registerAdapterKind(gains);
    expect(findAdapterKind("gains")).toBe(gains);
    for (const [name, words] of [
      ["gains", 'There is an adapter "gains" already'],
      ["lora", 'There is an adapter "lora" already'],
      ["", '"" cannot be the name of an adapter'],
    ]) {
      const { kind, message } = await failure(
        Promise.resolve().then(() => {
          registerAdapterKind({ ...gains, name });
        }),
      );
      expect(kind).toBe("usage");
      expect(message).toContain(words);
    }
  });
});
