import { describe, expect, it } from "vitest";
import { Lora } from "../../src/adapters/lora.ts";
import { createVera, Vera, type VeraProjections } from "../../src/adapters/vera.ts";
import { tinySd1 } from "./tiny-sd1.ts";
import {
  differences,
  IN,
  LAYER,
  lossOf,
  normal,
  OUT,
  outputOf,
  RANK,
  runToy,
  runToyOnImage,
  WEIGHT,
} from "./toy-layer.ts";

/** Wider than the layer, whose part is the first columns of A and the first rows of B. */
const WIDE = { rank: RANK, inFeatures: IN + 2, outFeatures: OUT + 1 };
const projections: VeraProjections = {
  ...WIDE,
  a: normal("A", RANK * WIDE.inFeatures),
  b: normal("B", WIDE.outFeatures * RANK),
};

const vera = (lambdaB = normal("b", OUT), lambdaD = normal("d", RANK)): Vera =>
  new Vera([{ ...LAYER, lambdaB, lambdaD }], new Map([["unet", projections]]));

/** W + diag(b) B diag(d) A in float64, with the parameters b, d. */
function veraWeight(parameters: ArrayLike<number>): number[] {
  return Array.from(WEIGHT, (value, i) => {
    const [row, column] = [Math.floor(i / IN), i % IN];
    let change = 0;
    for (let k = 0; k < RANK; k++) {
      change += projections.b[row * RANK + k] * parameters[OUT + k] * projections.a[k * WIDE.inFeatures + column];
    }
    return value + parameters[row] * change;
  });
}

describe("Vera", () => {
  it("with unit scales is the frozen LoRA of the same A and B, to the bit", async () => {
    const unit = vera(new Float32Array(OUT).fill(1), new Float32Array(RANK).fill(1));
    const loraA = Float32Array.from({ length: RANK * IN }, (_, i) => {
      return projections.a[Math.floor(i / IN) * WIDE.inFeatures + (i % IN)];
    });
    const loraB = projections.b.slice(0, OUT * RANK);
    const lora = new Lora([{ ...LAYER, loraAlpha: RANK, loraA, loraB }]);
    expect((await runToy(unit)).y).toEqual((await runToy(lora)).y);
    expect(await runToyOnImage(unit)).toEqual(await runToyOnImage(lora));
    expect(unit.toLora().parameters).toEqual(lora.parameters);
    const halved = await runToy(unit, { scale: 0.5 });
    expect(halved.y).toEqual((await runToy(lora, { scale: 0.5 })).y);
  });

  it("makes W + diag(b) B diag(d) A of the weight, on tokens and on images", async () => {
    const adapter = vera();
    const expected = outputOf(veraWeight(adapter.parameters));
    for (const y of [(await runToy(adapter)).y, await runToyOnImage(adapter), (await runToy(adapter.toLora())).y]) {
      expect(y).toHaveLength(expected.length);
      y.forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i], 5);
      });
    }
  });

  it("has the derivatives that differences show", async () => {
    const adapter = vera();
    const { gradient } = await runToy(adapter);
    const expected = differences(adapter.parameters, (parameters) => lossOf(outputOf(veraWeight(parameters))));
    gradient.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 4);
    });
  });

  it("trains out + rank numbers of each layer, b before d, and feeds the projections beside them", () => {
    const adapter = vera();
    expect(adapter.slots.map(({ name, shape }) => [name, shape])).toEqual([
      ["unet.to_k.vera_lambda_b", [OUT]],
      ["unet.to_k.vera_lambda_d", [RANK]],
    ]);
    expect(adapter.parameters).toHaveLength(OUT + RANK);
    expect(adapter.frozen.map(({ name }) => name)).toEqual(["unet.vera_A", "unet.vera_B"]);
    expect(adapter.withParameters(adapter.parameters.map((value) => value + 1)).projections).toBe(adapter.projections);
  });

  it("refuses projections that do not fit", () => {
    const layer = { ...LAYER, lambdaB: new Float32Array(OUT), lambdaD: new Float32Array(RANK) };
    const narrow = { ...projections, inFeatures: IN - 1 };
    expect(() => new Vera([layer], new Map([["unet", narrow]]))).toThrow(RangeError);
    expect(() => new Vera([layer], new Map([["text_encoder", projections]]))).toThrow(RangeError);
    expect(() => new Vera([{ ...layer, rank: 1 }], new Map([["unet", projections]]))).toThrow(RangeError);
  });
});

describe("createVera", () => {
  it("begins with b = 0 and d = 0.1", async () => {
    const { layers } = createVera(tinySd1, { rank: 8 });
    expect(layers).toHaveLength(32);
    expect(layers.every(({ lambdaB }) => lambdaB.every((value) => value === 0))).toBe(true);
    expect(layers.every(({ lambdaD }) => lambdaD.every((value) => value === Math.fround(0.1)))).toBe(true);
    const { y, plain } = await runToy(vera(new Float32Array(OUT), new Float32Array(RANK).fill(0.1)));
    expect(y).toEqual(plain);
  });

  it("draws one pair for each component, as wide as its widest layers, Kaiming uniform", () => {
    const adapter = createVera(tinySd1, { rank: 64, targets: "all-linear" });
    expect([...adapter.projections.keys()]).toEqual(["unet", "text_encoder"]);
    for (const [component, { a, b, rank, inFeatures, outFeatures }] of adapter.projections) {
      const layers = adapter.layers.filter((layer) => layer.component === component);
      expect(inFeatures).toBe(Math.max(...layers.map((layer) => layer.inFeatures)));
      expect(outFeatures).toBe(Math.max(...layers.map((layer) => layer.outFeatures)));
      for (const [values, fanIn] of [[a, inFeatures] as const, [b, rank] as const]) {
        const bound = Math.sqrt(6 / fanIn);
        expect(values.every((value) => Math.abs(value) <= bound)).toBe(true);
        const variance = values.reduce((sum, value) => sum + (value / bound) ** 2, 0) / values.length;
        expect(variance).toBeCloseTo(1 / 3, 1);
      }
    }
  });

  it("draws the same numbers from the same key", () => {
    const of = (projectionKey?: number) =>
      createVera(tinySd1, { rank: 4, ...(projectionKey !== undefined && { projectionKey }) }).projections.get("unet")
        ?.a;
    expect(of(7)).toEqual(of(7));
    expect(of(0)).toEqual(of());
    expect(of(7)).not.toEqual(of(8));
  });

  it("refuses ranks that make no sense, and an alpha", () => {
    for (const rank of [0, -1, 1.5, NaN]) {
      expect(() => createVera(tinySd1, { rank })).toThrow("VeRA rank must be a whole number");
    }
    expect(() => createVera(tinySd1, { rank: 4, loraAlpha: 8 })).toThrow("VeRA has no alpha");
  });
});
