/** @file The things of the world: 36 nouns, the colours that each has by nature, and what draws it. */
import type { ColorName } from "../world/color.ts";
import { ANIMAL_NOUNS, drawAnimal } from "./animals.ts";
import { drawBackpack, drawBag } from "./bags.ts";
import { drawDuck, drawOwl, drawPenguin } from "./birds.ts";
import { drawCastle, drawHouse } from "./buildings.ts";
import { drawButterfly, drawFish } from "./creatures.ts";
import { drawApple, drawCake, drawIceCream } from "./food.ts";
import { drawCactus, drawFlower, drawMushroom, drawTree } from "./plants.ts";
import { drawRobot } from "./robots.ts";
import type { Sketch } from "./sketch.ts";
import { drawBall, drawHat } from "./toys.ts";
import { drawBoat, drawCar, drawRocket, drawTruck } from "./vehicles.ts";
import { drawMug, drawTeapot, drawVase } from "./vessels.ts";

/** The colour that a figure shows most of, and the second. */
export type Colors = readonly [main: ColorName, second: ColorName];

export type Surface = "main" | "second" | "pale";

export interface Noun {
  /** The word of the captions. */
  readonly name: string;
  readonly plural: string;
  /** It can wear garments. */
  readonly isWearer: boolean;
  /** How many marks it has room for. */
  readonly slots: 1 | 2;
  /** What marks have to be seen on: its first colour, its second, or something pale, such as a belly. */
  readonly surfaces: readonly Surface[];
  /** What things of that kind often look like. */
  readonly natural: readonly Colors[];
  /** It shows so much of its second colour that a caption may name both: "a red and white truck". */
  readonly showsSecond: boolean;
  /** The second colour whatever the first: a panda's patches. */
  readonly fixedSecond?: ColorName;
  readonly draw: (sketch: Sketch) => string;
}

/** "orange white, gray white". */
function pairs(text: string): Colors[] {
  return text.split(", ").map((pair) => {
    const [main, second] = pair.split(" ");
    return [main, second] as [ColorName, ColorName]; // the tables below hold nothing else
  });
}

const TWO_COLORED: ReadonlySet<string> = new Set([
  ...["dog", "panda", "lion", "pig", "elephant", "duck", "fish", "butterfly", "teapot", "vase", "bag", "truck", "boat"],
  ...["rocket", "house", "castle", "flower", "mushroom", "cake", "ball"],
]);

const SURFACES: Readonly<Record<string, readonly Surface[] | undefined>> = {
  ...Object.fromEntries(
    ["cat", "dog", "rabbit", "bear", "fox", "lion", "frog"].map((name) => [name, ["main", "pale"]]),
  ),
  ...{ owl: ["pale"], penguin: ["pale"], boat: ["pale"] },
  ...{ duck: ["second"], house: ["second"], flower: ["second"] },
};

function thing(name: string, natural: string, draw: (sketch: Sketch) => string, more: Partial<Noun> = {}): Noun {
  const surfaces: readonly Surface[] = SURFACES[name] ?? ["main"];
  const usual = {
    plural: `${name}s`,
    isWearer: false,
    slots: 1,
    surfaces,
    showsSecond: TWO_COLORED.has(name),
  } as const;
  return { name, ...usual, natural: pairs(natural), draw, ...more };
}

const ANIMAL_COLORS: Readonly<Record<string, string>> = {
  cat: "orange white, gray white, black white, white orange, yellow brown",
  dog: "brown black, white brown, yellow brown, gray black",
  rabbit: "white pink, gray white, brown white",
  bear: "brown pink, brown orange, black brown, white gray",
  panda: "white black",
  fox: "orange white, red white",
  lion: "yellow brown, orange brown, yellow orange",
  pig: "pink red, pink brown",
  frog: "green yellow, green teal",
  elephant: "gray pink, blue pink",
};

export const NOUNS: readonly Noun[] = [
  ...ANIMAL_NOUNS.map((name) =>
    thing(name, ANIMAL_COLORS[name], (sketch) => drawAnimal(name, sketch), {
      isWearer: true,
      slots: 2,
      ...(name === "fox" && { plural: "foxes", fixedSecond: "white" as const }),
      ...(name === "panda" && { fixedSecond: "black" as const }),
    }),
  ),
  thing("owl", "brown orange, purple yellow, gray white", drawOwl, { isWearer: true }),
  thing("penguin", "black gray, blue black", drawPenguin, { isWearer: true }),
  thing("duck", "yellow orange, white yellow", drawDuck, { isWearer: true }),
  thing("fish", "orange white, blue yellow, yellow blue", drawFish, { plural: "fish" }),
  thing("butterfly", "orange black, blue purple, yellow orange", drawButterfly, { plural: "butterflies" }),
  thing("robot", "gray blue, blue orange, teal yellow", drawRobot, { isWearer: true }),
  thing("mug", "white blue, red white, blue white", drawMug),
  thing("teapot", "teal yellow, white blue, red yellow", drawTeapot),
  thing("vase", "blue white, white blue, orange black", drawVase),
  thing("backpack", "red gray, blue orange, green brown", drawBackpack),
  thing("bag", "brown black, pink purple, red brown", drawBag),
  thing("car", "red white, blue gray, yellow black", drawCar),
  thing("truck", "red gray, green white, blue yellow", drawTruck),
  thing("boat", "red white, blue red, brown yellow", drawBoat),
  thing("rocket", "white red, gray blue", drawRocket),
  thing("house", "yellow red, white brown, pink blue", drawHouse),
  thing("castle", "gray blue, gray red, pink purple", drawCastle),
  thing("tree", "green red, green orange, green yellow", drawTree),
  thing("flower", "red yellow, pink yellow, yellow brown, purple yellow", drawFlower),
  thing("cactus", "green orange, green brown", drawCactus, { plural: "cactuses" }),
  thing("mushroom", "red white, brown white", drawMushroom),
  thing("apple", "red green, green red, yellow red", drawApple),
  thing("cake", "pink white, brown pink, yellow pink", drawCake),
  thing("ice cream", "pink brown, white pink, brown white", drawIceCream),
  thing("ball", "red white, blue yellow, green white", drawBall),
  thing("hat", "black red, brown yellow, yellow blue", drawHat),
];

const byName = new Map(NOUNS.map((noun) => [noun.name, noun]));

export const NOUN_NAMES: readonly string[] = NOUNS.map(({ name }) => name);

/** @throws RangeError if the world has no such noun. */
export function nounNamed(name: string): Noun {
  const noun = byName.get(name);
  if (noun === undefined) throw new RangeError(`The world has no noun "${name}".`);
  return noun;
}
