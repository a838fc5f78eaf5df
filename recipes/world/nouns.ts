/**
 * @file The things of the world: 128 nouns, each drawn in three styles by three open icon sets.
 *
 * A noun is here if its three designs agree, can be told at 64 pixels, and no other noun looks the same.
 */

/** The icon set (npm package `@iconify-json/<set>`) behind each style word of the captions. */
export const STYLES = {
  glossy: "noto",
  flat: "fluent-emoji-flat",
  cartoon: "twemoji",
} as const;
export type StyleName = keyof typeof STYLES;
export const STYLE_NAMES = ["glossy", "flat", "cartoon"] as const satisfies readonly StyleName[];

export type NounCategory = "animal" | "plant" | "food" | "object" | "travel";

export interface Noun {
  /** The word of the captions. */
  readonly name: string;
  /** Undefined for what is not counted ("some corn") or comes in the plural already ("some grapes"). */
  readonly plural: string | undefined;
  readonly category: NounCategory;
  /** The icon's name, the same in all three sets. */
  readonly icon: string;
}

/** `name`, `name:icon`, `name/plural:icon`; `name/-` has no plural. */
const table: Readonly<Record<NounCategory, string>> = {
  animal: `cat:cat-face, dog:dog-face, rabbit:rabbit-face, bear, panda, fox/foxes, lion, tiger:tiger-face, cow:cow-face,
    pig:pig-face, mouse/mice:mouse-face, monkey:monkey-face, frog, koala, wolf/wolves, horse:horse-face, unicorn, owl, penguin,
    chick:front-facing-baby-chick, duck, parrot, flamingo, peacock, elephant, giraffe, zebra, camel:two-hump-camel, hedgehog,
    sheep/sheep:ewe, turtle, dinosaur:sauropod, whale:spouting-whale, dolphin, shark, fish/fish:tropical-fish,
    octopus/octopuses, crab, snail, butterfly/butterflies, bee:honeybee, ladybug:lady-beetle, spider`,
  plant: `sunflower, tulip, rose, cactus/cactuses, palm tree:palm-tree, tree:deciduous-tree, mushroom`,
  food: `apple:red-apple, banana, lemon, strawberry/strawberries, grapes/-, watermelon, pineapple, cherries/-, pear, avocado,
    tomato/tomatoes, carrot, corn/-:ear-of-corn, broccoli/-, eggplant, cheese/-:cheese-wedge, hamburger, pizza,
    fries/-:french-fries, popcorn/-, donut:doughnut, cookie, cake:birthday-cake, cupcake, ice cream/-:soft-ice-cream,
    pancakes/-`,
  object: `teapot, mug:hot-beverage, robot, ghost, snowman/snowmen:snowman-without-snow, teddy bear:teddy-bear,
    pumpkin:jack-o-lantern, gift:wrapped-gift, balloon, crown, hat:top-hat, cap:billed-cap, backpack, guitar, drum, camera,
    television, light bulb:light-bulb, candle, bell, key, umbrella, book:closed-book, chair, shirt:t-shirt, shoe:running-shoe,
    boot:womans-boot, trophy/trophies, bucket, handbag, diamond:gem-stone, magnet, hammer, kite, basketball, soccer ball:soccer-ball`,
  travel: `car:automobile, bus/buses, truck:delivery-truck, tractor, train:locomotive, scooter:motor-scooter, airplane,
    helicopter, rocket, spaceship:flying-saucer, boat:sailboat, ship, house, castle, tent, rainbow`,
};

function parse(entry: string, category: NounCategory): Noun {
  const [words = "", icon] = entry.trim().split(":");
  const [name = "", plural] = words.split("/");
  return { name, plural: plural === "-" ? undefined : (plural ?? `${name}s`), category, icon: icon ?? name };
}

const categories = ["animal", "plant", "food", "object", "travel"] as const satisfies readonly NounCategory[];

export const NOUNS: readonly Noun[] = categories.flatMap((category) =>
  table[category].split(",").map((entry) => parse(entry, category)),
);

const byName = new Map(NOUNS.map((noun) => [noun.name, noun]));

/** @throws RangeError if the world has no such noun. */
export function nounNamed(name: string): Noun {
  const noun = byName.get(name);
  if (noun === undefined) throw new RangeError(`The world has no noun "${name}".`);
  return noun;
}
