/**
 * @file Generative replay (Shin et al., "Continual learning with deep generative replay", NeurIPS 2017): before it
 * learns, the network draws what it knows, and on these pictures its predictions are kept (Li & Hoiem, "Learning
 * without forgetting", 2017), as they are on the new photos under the class noun. It asks nothing of the adapter.
 */
import { defineStrategy } from "../training/strategy.ts";
import { replayedPrompts } from "./parts/protected-prompts.ts";

export const replay = defineStrategy({
  name: "replay",
  summary: "pictures that the model draws of what it knows, on which its predictions are kept",
  options: {
    pictures: {
      type: "integer",
      default: 6,
      min: 1,
      max: 1000,
      help: "how many are drawn of each earlier concept, and as many of other things",
    },
    share: { type: "number", default: 0.5, min: 0.01, max: 100, help: "such pictures in a step, for each photo" },
    noun: {
      type: "flag",
      default: true,
      help: "whether the new photos are among them, under the class noun: it goes on meaning what it meant",
    },
    weight: { type: "number", default: 1, min: 0, max: Infinity, help: "what they count beside the photos" },
  },
  plan: ({ earlier, classNoun }, { pictures, share, noun, weight }) => {
    // Nothing is drawn that would count for nothing.
    if (weight === 0) return {};
    const prompts = replayedPrompts(earlier, classNoun, pictures);
    return { replay: { prompts, share, weight, ...(noun && { photosAs: classNoun }) } };
  },
});
