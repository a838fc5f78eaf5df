/**
 * @file Ways to hold on to what the class noun means while a concept is learned: prior preservation on pictures that
 * the model draws itself, and the class-noun term of double distillation, which needs no picture. Beside them nothing,
 * and the two default strategies, `replay` without and with photos as pictures of their class. Rank and rates are the
 * same for all: those that the built-in model is taught with.
 *
 * `npx tsx bench/continual/class-noun.ts --steps 160 --concepts pogo,mochi,pip`
 */
import type { LearnRequest } from "../../src/keepsake/learn-and-preview.ts";
import { BUILT_IN } from "../../src/library/model/model-profile.ts";
import { readLearned } from "../../src/library/library-model.ts";
import { squaredError } from "../../src/training/prediction-loss.ts";
import type { TrainingPhoto } from "../../src/training/photos/encode-photos.ts";
import { exampleOf, pathsOf } from "./example-concepts.ts";
import { mean, Rows, TaughtLibraries } from "./taught-library.ts";
import { threads } from "../../src/cli/options.ts";
import { parseSteps, readArguments, tool } from "../../scripts/tool.ts";

const values = readArguments(
  tool(
    "What holds the class noun while a concept is learned: prior preservation, distillation, the default strategies.",
  )
    .option("--steps <n>", "optimiser steps for each concept", parseSteps, 150)
    .option("--concepts <names>", "folders of examples/concepts, comma-separated", "mochi,pip,rivet")
    .option("--threads <n>", "processor threads", threads, 2),
).opts<{ steps: number; concepts: string; threads: number }>();

/** Of double distillation only what holds the class noun: no new teacher, and no scores. */
const NOUN_TERM = { strategy: "dsc", strategyOptions: { beta: 0, eta: 0, candidates: 2 } };
const CONTENDERS: Readonly<
  Record<string, Pick<LearnRequest, "strategy" | "strategyOptions" | "adapter" | "training">>
> = {
  "nothing (sequential)": { strategy: "sequential" },
  "prior preservation, weight 1": { strategy: "sequential", training: { priorWeight: 1, priorPictures: 16 } },
  "class-noun term, alpha 1": NOUN_TERM,
  "kv-nullspace": {
    ...{ strategy: "kv-nullspace", adapter: { rank: BUILT_IN.adapter.rank } },
    training: { learningRate: BUILT_IN.training.learningRate },
  },
  "replay, noun=false": { strategy: "replay", strategyOptions: { noun: false } },
  replay: { strategy: "replay" },
};

await using taught = await TaughtLibraries.open({ threads: values.threads });
const rows = new Rows();
for (const name of values.concepts.split(",")) {
  const { classNoun, train, test } = await exampleOf(name);
  const seen = await taught.encoded(train);
  const held = await taught.encoded(test);
  const request = { name, classNoun, photos: pathsOf(train) };
  const steps = values.steps;
  // A concept that was learned not at all: the model as it is.
  const untouched = { strategy: "sequential", training: { steps: 1, learningRate: 0 } };
  const blank = await readLearned(await taught.teach(undefined, { ...request, ...untouched }), taught.pipeline);
  for (const [row, contender] of Object.entries(CONTENDERS)) {
    const began = performance.now();
    const library = await taught.teach(undefined, {
      ...{ ...request, ...contender },
      training: { steps, ...contender.training },
    });
    const seconds = (performance.now() - began) / 1000;
    const learned = await readLearned(library, taught.pipeline);
    const moved = async (photos: readonly TrainingPhoto[], subject: string) => {
      const [now, before] = [
        await taught.predict(learned, photos, subject),
        await taught.predict(blank, photos, subject),
      ];
      return 1000 * mean(now.predictions.map((prediction, i) => squaredError(prediction, before.predictions[i])));
    };
    rows.keep(row, [
      1000 * mean(await taught.errors(learned, held, `<${name}>`)),
      await moved(seen, classNoun),
      await moved(held, classNoun),
      await moved(held, "teapot"),
      seconds,
    ]);
  }
}
rows.print("held by", [
  "own error ×1000 ↓",
  "noun moved, on the photos ×1000 ↓",
  "noun moved, elsewhere ×1000 ↓",
  "another noun moved ×1000 ↓",
  "seconds",
]);
