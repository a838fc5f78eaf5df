/**
 * @file Ordinary things that stand for the rest of the world when a picture is classified: without them every picture would have to be one of the concepts.
 */

/** Of the built-in model, which knows no other words: of all kinds and shapes that it was trained to draw. */
export const BUILT_IN_THINGS: readonly string[] = [
  ...[
    "cat",
    "dog",
    "rabbit",
    "bear",
    "lion",
    "pig",
    "frog",
    "owl",
    "penguin",
    "parrot",
    "elephant",
    "fish",
    "butterfly",
  ],
  ...["sunflower", "tree", "mushroom", "apple", "strawberry", "pizza", "cake", "mug", "teapot", "robot", "ghost"],
  ...["backpack", "umbrella", "basketball", "book", "car", "rocket", "boat", "house"],
];

/** Of photos, for all other models. Few, because each costs evaluations of a large model. */
export const COMMON_THINGS: readonly string[] = [
  ...["person", "cat", "dog", "bird", "car", "building", "room", "tree", "flower", "meal", "toy", "landscape"],
];
