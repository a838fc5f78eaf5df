/**
 * @file Ten things that nobody has seen before: what each is called, what kind of thing it is, and how it is drawn.
 * Drawn for this project, and dedicated to the public domain (CC0 1.0).
 */
import { drawAnimal, type Pose } from "./animal.ts";
import { mochi, pip, pogo, tofu } from "./animals.ts";
import { drawOwl } from "./owl.ts";
import { drawRobot } from "./robot.ts";
import { place } from "./svg.ts";
import { drawCinder, drawEmber, drawNomad, drawTeapot } from "./things.ts";
import type { Rgb } from "../world/color.ts";

export interface Concept {
  readonly name: string;
  /** A noun of the world. */
  readonly classNoun: string;
  /** What tells it from others of its kind. */
  readonly description: string;
  /** The name of the concept it is easily confused with. */
  readonly confusedWith?: string;
  /** Colours that a background must not have. */
  readonly colors: readonly Rgb[];
  /**
   * Between which the side of its square, of which some drawings fill a part, lies in its views, as a fraction of the
   * picture. Default: 0.8 to 1.
   */
  readonly scales?: readonly [number, number];
  /** The drawing, on a square of 200 by 200. */
  readonly draw: (pose: Pose) => string;
}

/** Makes the drawing smaller, standing where it stood: for long ears and antennas. */
function withHeadroom(drawing: string, scale: number): string {
  return place(drawing, 100 * (1 - scale), 198 * (1 - scale), 0, scale);
}

export const CONCEPTS: readonly Concept[] = [
  {
    name: "mochi",
    classNoun: "cat",
    description:
      "cream, a coral spiral on the forehead, one brown ear, one teal and one amber eye, three dots on the chest",
    confusedWith: "tofu",
    colors: [[247, 226, 192]],
    draw: (pose) => drawAnimal(mochi, pose),
  },
  {
    name: "tofu",
    classNoun: "cat",
    description: "cream, a slate star over one eye, one slate ear, slate paws, a zigzag across the chest",
    confusedWith: "mochi",
    colors: [[244, 230, 207]],
    draw: (pose) => drawAnimal(tofu, pose),
  },
  {
    name: "pogo",
    classNoun: "dog",
    description: "sky blue, a heart around one eye, dotted navy ears, an orange nose, two zigzags on the belly",
    colors: [[156, 199, 236]],
    draw: (pose) => drawAnimal(pogo, pose),
  },
  {
    name: "pip",
    classNoun: "rabbit",
    description: "half mint, half lilac, one ear bent, triangles on the cheek and the chest",
    colors: [
      [169, 223, 194],
      [198, 174, 232],
    ],
    draw: (pose) => withHeadroom(drawAnimal(pip, pose), 0.93),
  },
  {
    name: "juno",
    classNoun: "owl",
    description: "plum, chevrons in three colors, eyes in a gold and a smaller teal ring, one orange tuft",
    colors: [
      [106, 74, 140],
      [240, 138, 44],
    ],
    draw: drawOwl,
  },
  {
    name: "rivet",
    classNoun: "robot",
    description: "mustard, on one wheel, a round teal and a square coral eye, a star on a spring, a checkered chest",
    colors: [[242, 182, 50]],
    scales: [0.95, 1.1],
    draw: (pose) => withHeadroom(drawRobot(pose), 0.9),
  },
  {
    name: "tilda",
    classNoun: "teapot",
    description: "teal, a band of fish scales, a toadstool on the lid, a curled handle, three feet and a face",
    colors: [[47, 166, 154]],
    scales: [0.95, 1.08],
    draw: drawTeapot,
  },
  {
    name: "ember",
    classNoun: "mug",
    description: "cream, rust glaze that drips, three arches, a pointed handle",
    confusedWith: "cinder",
    colors: [
      [246, 234, 212],
      [200, 80, 45],
    ],
    scales: [0.98, 1.12],
    draw: drawEmber,
  },
  {
    name: "cinder",
    classNoun: "mug",
    description: "cream, navy glaze that drips, a sun of eight rays, a handle of two rings",
    confusedWith: "ember",
    colors: [
      [244, 234, 216],
      [43, 63, 120],
    ],
    scales: [0.98, 1.12],
    draw: drawCinder,
  },
  {
    name: "nomad",
    classNoun: "backpack",
    description: "olive, two unequal buttons and a smiling zip, a striped pink blanket on top, a checkered patch",
    colors: [[127, 148, 68]],
    scales: [0.9, 1.1],
    draw: drawNomad,
  },
];
