/**
 * @file The loop around a full training: learning-rate schedule, progress, checkpoints, metrics while it runs, Ctrl-C.
 */
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { formatDuration } from "../../src/units.ts";
import { learningRateFactor, type Feeds } from "../../src/graph/index.ts";
import type { Weights } from "../../src/diffusion/weights.ts";
import type { FullTrainer } from "./full-trainer.ts";

/** Seconds from one checkpoint to the next. */
const CHECKPOINT_EVERY = 120;

export interface LoopSettings {
  /** Samples to see in all. */
  readonly samples: number;
  readonly batchSize: number;
  readonly warmupSteps: number;
  /** Share of the steps at the full learning rate; the rest is a cosine down to zero. */
  readonly constantShare: number;
  /** For the checkpoint that training goes on from, and for metrics as JSON lines, `log.jsonl`. */
  readonly folder: string;
  /** Where training starts if there is no checkpoint. Default: at random weights. */
  readonly initial?: Weights | undefined;
  /** Samples from one evaluation to the next. */
  readonly evaluateEvery: number;
}

/** The checkpoint in a recipe's folder. */
export function checkpointIn(folder: string): string {
  return join(folder, "checkpoint.safetensors");
}

/**
 * Trains until all samples have been seen, or until Ctrl-C; either way with a checkpoint at the end.
 *
 * @param feedsOf - the batch of a step; it must depend on the step alone
 * @param evaluate - metrics of the averaged weights
 * @returns whether training is complete
 */
export async function trainLoop(
  trainer: FullTrainer,
  settings: LoopSettings,
  feedsOf: (step: number) => Promise<Feeds> | Feeds,
  evaluate: (samplesSeen: number) => Promise<Readonly<Record<string, number>>>,
): Promise<boolean> {
  const { batchSize, folder, initial } = settings;
  const checkpoint = checkpointIn(folder);
  if (await trainer.load(checkpoint)) process.stderr.write(`going on from step ${trainer.step}\n`);
  else if (initial !== undefined) await trainer.startFrom(initial);
  const steps = Math.ceil(settings.samples / batchSize);
  const evaluateSteps = Math.max(1, Math.round(settings.evaluateEvery / batchSize));
  let isStopped = false;
  process.once("SIGINT", () => (isStopped = true));
  process.once("SIGTERM", () => (isStopped = true));

  const started = { at: performance.now(), step: trainer.step };
  let lastCheckpoint = performance.now();
  let lossSum = 0;
  let lossCount = 0;
  let next = trainer.step < steps ? await feedsOf(trainer.step) : {};
  while (trainer.step < steps && !isStopped) {
    const factor = factorAt(trainer.step, steps, settings);
    // The workers compute while this thread makes the next batch.
    const running = trainer.train(next, factor);
    const following = trainer.step + 1;
    const [{ loss }, prepared] = await Promise.all([running, following < steps ? feedsOf(following) : {}]);
    next = prepared;
    lossSum += loss;
    lossCount++;
    const { step } = trainer;
    if (step % evaluateSteps === 0 || step === steps) {
      const seconds = (performance.now() - started.at) / 1000;
      const pace = (step - started.step) / seconds;
      const metrics = await evaluate(step * batchSize);
      const line = {
        samples: step * batchSize,
        loss: lossSum / lossCount,
        samplesPerSecond: pace * batchSize,
        gigaflops: (pace * batchSize * trainer.flopsPerSample) / 1e9,
        ...metrics,
      };
      await appendFile(join(folder, "log.jsonl"), `${JSON.stringify(line)}\n`);
      const values = Object.entries(line).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`);
      process.stderr.write(`${values.join(", ")}, ${formatDuration((steps - step) / pace)} left\n`);
      lossSum = lossCount = 0;
    }
    if (performance.now() - lastCheckpoint > 1000 * CHECKPOINT_EVERY) {
      await trainer.save(checkpoint);
      lastCheckpoint = performance.now();
    }
  }
  await trainer.save(checkpoint);
  return trainer.step >= steps;
}

function factorAt(step: number, steps: number, { warmupSteps, constantShare }: LoopSettings): number {
  const constantSteps = Math.round(constantShare * steps);
  if (step < constantSteps) return learningRateFactor("constant", step + 1, { warmupSteps, totalSteps: steps });
  return learningRateFactor("cosine", step - constantSteps, { warmupSteps: 0, totalSteps: steps - constantSteps });
}
