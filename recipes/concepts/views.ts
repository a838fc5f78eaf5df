/**
 * @file The twelve views of each concept: pose, expression, size, place, turn and background, six to learn and six to
 * test.
 */
import {
  backgroundColors,
  backgroundKey,
  randomBackground,
  type Background,
  type BackgroundKind,
} from "../world/backgrounds.ts";
import { labDistance, labFromRgb } from "../world/color.ts";
import { Dice } from "../world/dice.ts";
import type { Pose } from "./animal.ts";
import type { Concept } from "./concepts.ts";

export interface View {
  readonly pose: Pose;
  readonly background: Background;
  /** The middle of the drawing, as fractions of the picture. */
  readonly x: number;
  readonly y: number;
  /** The side of the drawing's square, as a fraction of the picture. */
  readonly scale: number;
  /** In degrees. */
  readonly rotation: number;
}

const poses: readonly Pose[] = [
  { body: "sit", expression: "happy", tilt: 0, arms: [0, 0], tail: 0 },
  { body: "sit", expression: "joyful", tilt: -8, arms: [10, 120], tail: -25 },
  { body: "jump", expression: "joyful", tilt: 4, arms: [110, 110], tail: 10 },
  { body: "lie", expression: "sleepy", tilt: -6, arms: [0, 0], tail: 30 },
  { body: "sit", expression: "curious", tilt: 14, arms: [0, 25], tail: 15 },
  { body: "jump", expression: "wink", tilt: -8, arms: [120, 30], tail: -20 },
  { body: "sit", expression: "surprised", tilt: -4, arms: [60, 60], tail: -30 },
  { body: "lie", expression: "happy", tilt: 5, arms: [20, 0], tail: 0 },
  { body: "sit", expression: "sleepy", tilt: 12, arms: [5, 0], tail: 25 },
  { body: "jump", expression: "surprised", tilt: 0, arms: [60, 130], tail: 0 },
  { body: "lie", expression: "curious", tilt: 8, arms: [0, 10], tail: -15 },
  { body: "sit", expression: "wink", tilt: -12, arms: [130, 0], tail: 5 },
];

const kinds: readonly BackgroundKind[] = ["place", "plain", "place", "gradient", "place", "plain"];

/** Six views to learn a concept from, or six others to test it on. No background design appears twice. */
export function viewsOf(concept: Concept, part: "train" | "test"): View[] {
  const dice = new Dice(2026, "concept views", concept.name);
  // Every other pose, so that both parts show every way to hold the body.
  const order = poses.filter((_, i) => i % 2 === 0).concat(poses.filter((_, i) => i % 2 === 1));
  const taken = new Set<string>();
  const views = order.map((pose, i): View => {
    const background = chooseBackground(concept, kinds[i % kinds.length], taken, dice);
    taken.add(backgroundKey(background));
    const scale = dice.between(...(concept.scales ?? [0.8, 1]));
    const slack = Math.max(0, 1 - scale) * 0.45;
    return {
      pose,
      background,
      scale,
      x: 0.5 + dice.between(-slack, slack),
      y: 0.5 + (background.kind === "place" ? slack * 0.8 : dice.between(-slack, slack)),
      rotation: dice.between(-9, 9),
    };
  });
  return part === "train" ? views.slice(0, poses.length / 2) : views.slice(poses.length / 2);
}

/** A background that is new and from which the concept stands out; a plain one where no place will do. */
function chooseBackground(concept: Concept, kind: BackgroundKind, taken: ReadonlySet<string>, dice: Dice): Background {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    const background = randomBackground(attempt < 50 ? kind : "plain", dice);
    if (!taken.has(backgroundKey(background)) && contrasts(concept, background)) return background;
  }
  throw new RangeError(`No background is left for ${concept.name}.`);
}

function contrasts(concept: Concept, background: Background): boolean {
  return backgroundColors(background).every((behind) =>
    concept.colors.every((color) => labDistance(labFromRgb(color), labFromRgb(behind)) > 0.14),
  );
}
