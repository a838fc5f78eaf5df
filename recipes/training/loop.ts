/**
 * @file The loop around a full training: learning-rate schedule, progress, checkpoints, metrics while it runs, Ctrl-C.
 */
import { appendFile } from "node:fs/promises";
import { formatDuration } from "../../src/units.ts";
import { learningRateFactor, type Feeds } from "../../src/graph/index.ts";
import type { FullTrainer } from "./full-trainer.ts";

export interface LoopSettings {
  /** Samples to see in all. */
  readonly samples: number;
  readonly batchSize: number;
  readonly warmupSteps: number;
  /** Share of the steps at the full learning rate; the rest is a cosine down to zero. */
  readonly constantShare: number;
  /** Where training goes on from. */
  readonly checkpoint: string;
  /** Seconds from one checkpoint to the next. */
  readonly checkpointEvery: number;
  /** Samples from one evaluation to the next. */
  readonly evaluateEvery: number;
  /** Metrics as JSON lines. */
  readonly log: string;
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
  const { batchSize } = settings;
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
      await appendFile(settings.log, `${JSON.stringify(line)}\n`);
      const values = Object.entries(line).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`);
      process.stderr.write(`${values.join(", ")}, ${formatDuration((steps - step) / pace)} left\n`);
      lossSum = lossCount = 0;
    }
    if (performance.now() - lastCheckpoint > 1000 * settings.checkpointEvery) {
      await trainer.save(settings.checkpoint);
      lastCheckpoint = performance.now();
    }
  }
  await trainer.save(settings.checkpoint);
  return trainer.step >= steps;
}

function factorAt(step: number, steps: number, { warmupSteps, constantShare }: LoopSettings): number {
  const constantSteps = Math.round(constantShare * steps);
  if (step < constantSteps) return learningRateFactor("constant", step + 1, { warmupSteps, totalSteps: steps });
  return learningRateFactor("cosine", step - constantSteps, { warmupSteps: 0, totalSteps: steps - constantSteps });
}
