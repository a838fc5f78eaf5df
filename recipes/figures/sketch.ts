/**
 * @file What all figures are drawn with, on a square of 200 by 200: shapes with a soft shadow and an outline of their
 * own colour. What is random about a figure is thrown in an order that the pose does not change, so that one figure can
 * be seen in many poses.
 */
import type { Pose } from "../concepts/animal.ts";
import { ellipse, eyes, inside, line, n, path, place } from "../concepts/svg.ts";
import type { Dice } from "../world/dice.ts";
import { drawGarment, placeOf, type Garment } from "./garments.ts";
import { drawMark, type MarkKind } from "./marks.ts";
import { pale, tone, type Tone } from "./tones.ts";

/** A mark with the fill that it is painted in, `none` for one that is not. */
export interface FilledMark {
  readonly kind: MarkKind;
  readonly fill: string;
}

/** Draws a shape in a fill, with more attributes. */
type Element = (fill: string, more?: string) => string;

const IRISES = ["#5a3b22", "#3a8f57", "#2f6fb8", "#c07a1e", "#4b3a6b", "#2b2b33"];

export class Sketch {
  readonly dice: Dice;
  readonly pose: Pose;
  readonly main: Tone;
  readonly second: Tone;
  /** Nearly white. */
  readonly pale: Tone;
  readonly ink = "#2b2233";
  readonly #marks: readonly FilledMark[];
  readonly #garment: Garment | undefined;
  readonly #outline: number;
  #shapes = 0;

  constructor(
    dice: Dice,
    pose: Pose,
    colors: readonly [main: Tone, second: Tone],
    marks: readonly FilledMark[],
    garment: Garment | undefined,
  ) {
    this.dice = dice;
    this.pose = pose;
    [this.main, this.second] = colors;
    this.#marks = marks;
    this.#garment = garment;
    this.pale = pale(dice);
    this.#outline = dice.chance(0.3) ? 0 : dice.between(2.4, 3.6);
  }

  #stroke(color: Tone): string {
    if (this.#outline === 0) return "";
    return `stroke="${color.outline}" stroke-width="${n(this.#outline)}" stroke-linejoin="round"`;
  }

  #shaded(element: Element, color: Tone): string {
    this.#shapes += 1;
    const lit = element(color.shadow) + inside(`s${this.#shapes}`, element("#000"), place(element(color.fill), -5, -6));
    return this.#outline === 0 ? lit : lit + element("none", this.#stroke(color));
  }

  /** A closed path. */
  form(d: string, color: Tone): string {
    return path(d, color.fill, this.#stroke(color));
  }

  oval(x: number, y: number, radiusX: number, radiusY: number, color: Tone): string {
    return ellipse(x, y, radiusX, radiusY, color.fill, this.#stroke(color));
  }

  /** A closed path, a little darker at its lower right. */
  shadedForm(d: string, color: Tone): string {
    return this.#shaded((fill, more) => path(d, fill, more), color);
  }

  shadedOval(x: number, y: number, radiusX: number, radiusY: number, color: Tone): string {
    return this.#shaded((fill, more) => ellipse(x, y, radiusX, radiusY, fill, more), color);
  }

  /** A path that is seen only inside another. */
  clipped(outline: string, content: string): string {
    this.#shapes += 1;
    return inside(`s${this.#shapes}`, path(outline, "#000"), content);
  }

  /** A line of that width, round at its ends. */
  limb(d: string, width: number, color: Tone): string {
    const edge = this.#outline === 0 ? "" : line(d, color.outline, width + this.#outline);
    return edge + line(d, color.fill, width);
  }

  get hasHat(): boolean {
    return this.#garment !== undefined && placeOf(this.#garment.name) === "head";
  }

  hasMark(index: 0 | 1): boolean {
    return index < this.#marks.length;
  }

  /** A mark of the figure around a point, or nothing if it has none. */
  mark(index: 0 | 1, x: number, y: number, size: number, turn = 0): string {
    const { [index]: mark } = this.#marks;
    return mark === undefined ? "" : place(drawMark(mark.kind, size, mark.fill), x, y, turn);
  }

  /** What is worn there, if anything is: around a point, so many units wide. */
  worn(where: "head" | "eyes" | "neck", x: number, y: number, width: number): string {
    const garment = this.#garment;
    return garment !== undefined && placeOf(garment.name) === where
      ? place(drawGarment(garment), x, y, 0, width / 100)
      : "";
  }

  /** Throws for the eyes; then draws them, `distance` apart around the origin. */
  eyes(distance: number, radius: number): string {
    const iris = this.dice.pick(IRISES);
    const other = this.dice.chance(0.06) ? this.dice.pick(IRISES) : iris;
    return eyes(distance, radius, [iris, other], this.pose.expression);
  }

  /** Pink cheeks, `distance` apart around the origin. */
  cheeks(distance: number, radius = 8): string {
    return [-1, 1]
      .map((side) => ellipse((side * distance) / 2, 0, radius, radius * 0.65, "#f5a3a3", 'opacity="0.75"'))
      .join("");
  }

  /** A tone that the figure's colours do not settle: of a window, a screen, a tyre. */
  plain(fill: string): Tone {
    return tone(fill);
  }
}
