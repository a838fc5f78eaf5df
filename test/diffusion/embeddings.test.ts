import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { guidanceScaleEmbedding, timestepProjection } from "../../src/diffusion/models/embeddings.ts";
import { openCase } from "./support.ts";

const stableDiffusion = { flipSinToCos: true, freqShift: 0 };

describe("timestepProjection", () => {
  it("is cosines, then sines, of frequencies from 1 down to nearly 1/10000", () => {
    const projection = timestepProjection([2.5], 4, stableDiffusion);
    const expected = [Math.cos(2.5), Math.cos(0.025), Math.sin(2.5), Math.sin(0.025)];
    for (const [i, value] of expected.entries()) expect(projection[i]).toBeCloseTo(value, 6);
  });

  it("puts sines first without flipSinToCos, and reaches 1/10000 with freqShift 1", () => {
    const projection = timestepProjection([3], 4, { flipSinToCos: false, freqShift: 1 });
    const expected = [Math.sin(3), Math.sin(3e-4), Math.cos(3), Math.cos(3e-4)];
    for (const [i, value] of expected.entries()) expect(projection[i]).toBeCloseTo(value, 6);
  });

  it("pads an odd number of channels with a zero", () => {
    expect(timestepProjection([7], 5, stableDiffusion)[4]).toBe(0);
  });

  it("gives each timestep its own row of points on unit circles", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 8 }),
        (timesteps, half) => {
          const channels = 2 * half;
          const all = timestepProjection(timesteps, channels, stableDiffusion);
          expect(all.length).toBe(timesteps.length * channels);
          for (const [row, timestep] of timesteps.entries()) {
            const own = all.slice(row * channels, (row + 1) * channels);
            expect(own).toEqual(timestepProjection([timestep], channels, stableDiffusion));
            for (let i = 0; i < half; i++) {
              expect(Math.hypot(own[i], own[half + i])).toBeCloseTo(1, 5);
            }
          }
        },
      ),
    );
  });
});

describe("guidanceScaleEmbedding", () => {
  it("is sines, then cosines, of a thousand times the scale less 1, and what diffusers feeds an LCM", async () => {
    const embedding = guidanceScaleEmbedding(1.0025, 4);
    const expected = [Math.sin(2.5), Math.sin(2.5e-4), Math.cos(2.5), Math.cos(2.5e-4)];
    for (const [i, value] of expected.entries()) expect(embedding[i]).toBeCloseTo(value, 6);
    const golden = await openCase("forward/unet-lcm-b1");
    await golden.expectClose("timestep_cond", guidanceScaleEmbedding(7.5, 16));
  });
});
