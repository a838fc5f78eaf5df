import { describe, expect, it } from "vitest";
import {
  createScheduler,
  registerScheduler,
  schedulerNames,
  type SchedulerClass,
} from "../../../src/diffusion/index.ts";
import { StableDiffusionPipeline } from "../../../src/diffusion/pipeline.ts";
import { EulerDiscreteScheduler } from "../../../src/diffusion/schedulers/sigma/euler.ts";
import { failure } from "../../io/failure.ts";
import { MODEL } from "../../keepsake/support.ts";

/** Takes only the half of every step. */
class LazyEuler extends EulerDiscreteScheduler {
  override step(...args: Parameters<EulerDiscreteScheduler["step"]>) {
    const [, , sample] = args;
    const { prevSample } = super.step(...args);
    return { prevSample: prevSample.map((value, i) => (value + sample[i]) / 2) };
  }
}

const lazy: SchedulerClass = { className: "LazyEuler", create: (config) => new LazyEuler(config) };

describe("a scheduler from outside", () => {
  it("draws when it is registered, by its name, and by its class in a checkpoint's config", async () => {
    const pipeline = await StableDiffusionPipeline.load(MODEL);
    const options = { prompt: "a dog", steps: 2, width: 32, height: 32 };
    const draw = async (scheduler: string) => (await pipeline.generate({ ...options, scheduler }))[0].latents;
    expect((await failure(draw("lazy-euler"))).message).toContain("choose one of ddpm, ");
    registerScheduler("lazy-euler", lazy);
    expect(schedulerNames().at(-1)).toBe("lazy-euler");
    expect(await draw("lazy-euler")).not.toEqual(await draw("euler"));
    expect(createScheduler("LazyEuler", pipeline.schedulerConfig)).toBeInstanceOf(LazyEuler);
    await pipeline.dispose();
  });

  it("cannot take the name or the class of another, or one that no scheduler can have", async () => {
    registerScheduler("lazy-euler", lazy);
    for (const [name, scheduler, words] of [
      ["euler", lazy, 'There is a scheduler "euler" already'],
      ["other", { ...lazy, className: "DDIMScheduler" }, 'There is a scheduler "DDIMScheduler" already'],
      ["Lazy Euler", lazy, '"Lazy Euler" cannot be the name of a scheduler'],
    ] as const) {
      const { kind, message } = await failure(
        Promise.resolve().then(() => {
          registerScheduler(name, scheduler);
        }),
      );
      expect(kind).toBe("usage");
      expect(message).toContain(words);
    }
  });
});
