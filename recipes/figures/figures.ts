/**
 * @file The figures that the UNet and the VAE learn beside the icons of the world: whole animals, birds, robots, vessels and bags with random colours and marks. They
 * leave room for personalization: what a learned token has to say of a new thing is of the kind that the model has seen said of others. The ten example
 * concepts are none of them: their colours and marks come in no figure together, and owls, robots, vessels and bags have drawings of their own.
 */
import type { Pose } from "../concepts/animal.ts";
import { EXPRESSIONS } from "../concepts/svg.ts";
import {
  backgroundColors,
  backgroundKey,
  paintBackground,
  randomBackground,
  type Background,
} from "../world/backgrounds.ts";
import { Canvas } from "../world/canvas.ts";
import { settingOf, withArticle } from "../world/captions.ts";
import { labDistance, labFromRgb, PALETTE } from "../world/color.ts";
import { Dice } from "../world/dice.ts";
import { levelFor, rasterize, type Sprite } from "../world/icons.ts";
import { isHeldOutCombination } from "../world/scene.ts";
import { ANIMAL_NOUNS, randomAnimal } from "./animals.ts";
import { BACKPACK_NOUNS, randomBackpack } from "./backpacks.ts";
import { BIRD_NOUNS, randomBird } from "./birds.ts";
import type { Figure } from "./design.ts";
import { randomRobot, ROBOT_NOUNS } from "./robots.ts";
import { randomVessel, VESSEL_NOUNS } from "./vessels.ts";

/** The word that tells figures from icons in captions, most of the time. */
export const STYLE_WORD = "toy";
const BACKGROUNDS = { plain: 0.45, gradient: 0.15, place: 0.35, dots: 0.02, stripes: 0.02, checks: 0.01 };

type Draw = (noun: string, pose: Pose, dice: Dice) => Figure;
const KINDS: readonly { readonly nouns: readonly string[]; readonly draw: Draw; readonly share: number }[] = [
  { nouns: ANIMAL_NOUNS, draw: randomAnimal, share: 0.42 },
  { nouns: BIRD_NOUNS, draw: randomBird, share: 0.14 },
  { nouns: ROBOT_NOUNS, draw: randomRobot, share: 0.14 },
  { nouns: VESSEL_NOUNS, draw: randomVessel, share: 0.2 },
  { nouns: BACKPACK_NOUNS, draw: randomBackpack, share: 0.1 },
];

/** A picture of a figure, and what it shows in words. */
export interface FigurePicture {
  readonly caption: string;
  /** `[size, size, 3]` */
  readonly bytes: Uint8Array;
}

function randomPose(dice: Dice): Pose {
  return {
    body: dice.pick(["sit", "sit", "jump", "lie"] as const),
    expression: dice.pick(EXPRESSIONS),
    tilt: dice.between(-14, 14),
    arms: [dice.between(0, 130), dice.between(0, 130)],
    tail: dice.between(-30, 30),
  };
}

function randomFigure(dice: Dice): Figure {
  const index = dice.weighted(Object.fromEntries(KINDS.map(({ share }, i) => [String(i), share])));
  const { nouns, draw } = KINDS[Number(index)];
  return draw(dice.pick(nouns), randomPose(dice), dice);
}

/** The figures, drawn once: pictures show them at random. */
export class Figures {
  readonly #figures: readonly { readonly figure: Figure; readonly sprite: Sprite }[];

  private constructor(figures: readonly { readonly figure: Figure; readonly sprite: Sprite }[]) {
    this.#figures = figures;
  }

  /** Draws `count` figures: about 8 ms each. The first of them are the same for every count. */
  static async load(seed: number | bigint, count: number): Promise<Figures> {
    const figures = [];
    for (let i = 0; i < count; i++) {
      const figure = randomFigure(new Dice(seed, "figure", i));
      const sprite = await rasterize(
        `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200">${figure.svg}</svg>`,
      );
      figures.push({ figure, sprite: sprite.slice(1) });
    }
    return new Figures(figures);
  }

  /** Picture number `index` of the stream `seed`. */
  picture(seed: number | bigint, index: number, size: number): FigurePicture {
    const dice = new Dice(seed, "figure picture", index);
    const { figure, sprite } = dice.pick(this.#figures);
    let background = randomBackground(dice.weighted(BACKGROUNDS), dice);
    while (!isPossible(figure, background)) background = randomBackground(dice.weighted(BACKGROUNDS), dice);
    const scale = dice.between(0.6, 0.95);
    const slack = (1 - scale) * 0.45;
    const canvas = new Canvas(size);
    paintBackground(canvas, background);
    canvas.sprite(levelFor(sprite, scale * size), {
      x: 0.5 + dice.between(-slack, slack),
      y: 0.5 + (background.kind === "place" ? slack * 0.8 : dice.between(-slack, slack)),
      scale,
      rotation: dice.between(-9, 9),
      mirror: dice.chance(0.5),
    });
    return { caption: `${phrase(figure, dice)} ${settingOf(background)}`, bytes: canvas.toBytes() };
  }
}

/** The figure stands out, and its noun and colour are not kept for evaluation before this background. */
function isPossible({ noun, colors: [color] }: Figure, background: Background): boolean {
  const main = labFromRgb(PALETTE[color]);
  if (backgroundColors(background).some((behind) => labDistance(labFromRgb(behind), main) < 0.12)) return false;
  return ![undefined, color].some((word) => isHeldOutCombination(noun, backgroundKey(background), word));
}

/** "a white and red toy cat with a blue star" */
function phrase({ noun, colors, marks }: Figure, dice: Dice): string {
  const words = [
    ...(dice.chance(0.85) ? [colors.join(" and ")] : []),
    ...(dice.chance(0.8) ? [STYLE_WORD] : []),
    noun,
    ...(marks.length > 0 && dice.chance(0.7) ? [`with ${marks.map(({ words: mark }) => mark).join(" and ")}`] : []),
  ];
  const whole = withArticle(words.join(" "));
  return dice.chance(0.35) ? `a ${dice.pick(["photo", "picture", "drawing"])} of ${whole}` : whole;
}
