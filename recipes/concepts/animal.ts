/**
 * @file A small animal that can sit, lie, jump and wave. What makes it a cat or a rabbit, and itself, is drawn by its
 * owner.
 */
import { circle, ellipse, eyes, inside, line, mouth, path, place, type Expression } from "./svg.ts";

/** How the animal holds itself in one view. Angles in degrees. */
export interface Pose {
  readonly body: "sit" | "lie" | "jump";
  readonly expression: Expression;
  /** Of the head. */
  readonly tilt: number;
  /** How far the arms are raised; 0 hangs down, 150 is up in the air. */
  readonly arms: readonly [number, number];
  readonly tail: number;
}

/** The parts of an animal. Heads and tails are drawn around the origin; a head is 104 wide and 88 high. */
export interface Animal {
  readonly fur: string;
  readonly belly: string;
  readonly paws: string;
  readonly nose: string;
  readonly blush: string;
  readonly irises: readonly [string, string];
  readonly whiskers: boolean;
  /** Behind the head. */
  readonly ears: string;
  /** On the head, kept inside its outline. */
  readonly headMarks: string;
  /** On the body; the origin is the middle of the chest. Kept inside the body's outline. */
  readonly bodyMarks: string;
  /** From the origin upwards, 60 long. */
  readonly tail: string;
  /** Muzzle or teeth, between the marks and the nose. */
  readonly muzzle: string;
}

function head(animal: Animal, expression: Expression): string {
  const outline = ellipse(0, 0, 52, 44, animal.fur);
  const whiskers = [-1, 1].map((side) =>
    line(`M${34 * side} 10L${58 * side} 5M${34 * side} 17L${58 * side} 19`, "#a08d84", 2),
  );
  return (
    animal.ears +
    outline +
    inside("head", outline, animal.headMarks) +
    animal.muzzle +
    [-1, 1].map((side) => ellipse(34 * side, 17, 8, 5.5, animal.blush)).join("") +
    place(eyes(44, 9.5, animal.irises, expression), 0, 2) +
    (animal.whiskers ? whiskers.join("") : "") +
    place(mouth(20, expression), 0, 19) +
    path("M-6 11Q0 8 6 11Q4 18 0 18.500Q-4 18 -6 11Z", animal.nose)
  );
}

/** An arm or leg from the origin downwards. */
function limb(color: string, paw: string, length: number): string {
  return line(`M0 0V${length - 8}`, color, 19) + circle(0, length - 6, 10, paw);
}

/** The whole animal, on a square of 200 by 200. */
export function drawAnimal(animal: Animal, pose: Pose): string {
  const arm = (x: number, y: number, raised: number, side: 1 | -1, length = 36) =>
    place(limb(animal.fur, animal.paws, length), x, y, -side * raised);
  const face = (x: number, y: number, scale = 1) => place(head(animal, pose.expression), x, y, pose.tilt, scale);
  const torso = (x: number, y: number, radiusX: number, radiusY: number) => {
    const outline = ellipse(x, y, radiusX, radiusY, animal.fur);
    const chest = ellipse(x, y + radiusY * 0.2, radiusX * 0.66, radiusY * 0.72, animal.belly);
    return outline + inside("body", outline, chest + place(animal.bodyMarks, x, y));
  };
  switch (pose.body) {
    case "sit":
      return (
        place(animal.tail, 132, 172, 48 + pose.tail) +
        torso(100, 146, 43, 42) +
        arm(64, 130, 12 + pose.arms[0], -1) +
        arm(136, 130, 12 + pose.arms[1], 1) +
        ellipse(76, 186, 19, 11, animal.paws) +
        ellipse(124, 186, 19, 11, animal.paws) +
        face(100, 78)
      );
    case "jump":
      return (
        place(animal.tail, 126, 158, 70 + pose.tail) +
        place(limb(animal.fur, animal.paws, 36), 78, 162, 28) +
        place(limb(animal.fur, animal.paws, 36), 122, 162, -28) +
        torso(100, 138, 38, 40) +
        arm(68, 122, 60 + pose.arms[0] * 0.6, -1) +
        arm(132, 122, 60 + pose.arms[1] * 0.6, 1) +
        face(100, 72, 0.97)
      );
    case "lie":
      return (
        place(animal.tail, 170, 158, 20 + pose.tail) +
        torso(118, 156, 64, 33) +
        ellipse(150, 184, 24, 11, animal.paws) +
        ellipse(52, 184, 19, 10, animal.paws) +
        ellipse(92, 185, 19, 10, animal.paws) +
        face(74, 116, 0.97)
      );
  }
}
