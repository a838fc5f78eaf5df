import { expect, it } from "vitest";
import { traceStep } from "../../recipes/training/training-step.ts";
import { compute } from "../graph/support/compute.ts";
import { smallModel, smallModelFeeds } from "./support/small-model.ts";

it("computes the same gradients from one array of all parameters as from an array of each", async () => {
  const separate = traceStep((context) => smallModel(context, 2), "separate");
  const joined = traceStep((context) => smallModel(context, 2), "joined");
  const { parameters } = separate;
  expect(joined.parameters.places).toEqual(parameters.places);
  expect(Object.keys(joined.outputs)).toEqual(["loss", "gradients"]);
  parameters.initialize(3);
  const values = Float32Array.from(parameters.values);
  const feeds = smallModelFeeds(2, 0);
  const one = await compute(joined.outputs, { ...feeds, parameters: values });
  const each = await compute(separate.outputs, { ...feeds, ...parameters.feeds(values) });
  expect(one.loss).toEqual(each.loss);
  parameters.places.forEach((place, i) => {
    const gradient = each[`gradient ${i}`];
    expect(gradient.some((slope) => slope !== 0)).toBe(true);
    expect(parameters.window(place, one.gradients), place.name).toEqual(gradient);
  });
});
