/**
 * @file The places that pictures are set in, drawn from gradients, hills and discs. Each looks a little different every
 * time. The ground, where there is one, begins at about half the height: subjects stand in front of it.
 */
import type { Canvas } from "./canvas.ts";
import type { Rgb } from "./color.ts";
import type { Dice } from "./dice.ts";

export const PLACE_NAMES = [
  "beach",
  "snow",
  "night",
  "grass",
  "table",
  "sea",
  "desert",
  "city",
  "forest",
  "mountains",
] as const;
export type PlaceName = (typeof PLACE_NAMES)[number];

/** The colours that surround a subject in that place, for telling whether it would stand out. */
export const PLACE_COLORS: Readonly<Record<PlaceName, readonly Rgb[]>> = {
  beach: [[240, 215, 160]],
  snow: [[240, 246, 252]],
  night: [[22, 28, 72]],
  grass: [[110, 185, 80]],
  table: [[176, 120, 70]],
  sea: [[40, 130, 200]],
  desert: [[230, 180, 105]],
  city: [[120, 130, 150]],
  forest: [[60, 120, 60]],
  mountains: [[125, 190, 105]],
};

const white: Rgb = [255, 255, 255];

function cloud(canvas: Canvas, x: number, y: number, size: number, opacity: number): void {
  canvas.ellipse(x, y, size, size * 0.42, white, opacity);
  canvas.ellipse(x - size * 0.35, y - size * 0.2, size * 0.45, size * 0.4, white, opacity);
  canvas.ellipse(x + size * 0.3, y - size * 0.28, size * 0.5, size * 0.45, white, opacity);
}

function clouds(canvas: Canvas, dice: Dice, below: number): void {
  const count = dice.integer(3);
  for (let i = 0; i < count; i += 1) {
    cloud(canvas, dice.between(0.05, 0.95), dice.between(0.08, below), dice.between(0.09, 0.16), 0.85);
  }
}

/** A gentle line of hills or waves around a height. */
function rolling(dice: Dice, height: number, swing: number, waves: number): (x: number) => number {
  const phase = dice.between(0, 2 * Math.PI);
  const second = dice.between(0, 2 * Math.PI);
  return (x) =>
    height +
    swing * (Math.sin(2 * Math.PI * waves * x + phase) + 0.4 * Math.sin(2 * Math.PI * waves * 2.3 * x + second));
}

const painters: Readonly<Record<PlaceName, (canvas: Canvas, dice: Dice) => void>> = {
  beach(canvas, dice) {
    canvas.gradient([120, 200, 245], [200, 235, 252], 0, 0.45);
    clouds(canvas, dice, 0.2);
    const horizon = dice.between(0.32, 0.4);
    canvas.gradient([24, 130, 195], [72, 196, 214], horizon, 0.7);
    const shore = rolling(dice, dice.between(0.53, 0.6), 0.012, 1.2);
    canvas.below((x) => shore(x) - 0.025, white, 0.9);
    canvas.below(shore, [243, 219, 164]);
    canvas.below((x) => shore(x) + 0.22, [234, 204, 144]);
  },
  snow(canvas, dice) {
    canvas.gradient([150, 185, 220], [214, 230, 244], 0, 0.75);
    canvas.below(rolling(dice, dice.between(0.5, 0.56), 0.03, 0.8), [222, 234, 246]);
    canvas.below(rolling(dice, dice.between(0.6, 0.68), 0.025, 0.7), [246, 250, 254]);
    for (let i = 0; i < 26; i += 1) {
      const radius = dice.between(0.007, 0.017);
      canvas.ellipse(dice.unit(), dice.unit(), radius, radius, white, 0.95);
    }
  },
  night(canvas, dice) {
    canvas.gradient([10, 14, 46], [44, 50, 112]);
    for (let i = 0; i < 34; i += 1) {
      const radius = dice.between(0.005, 0.012);
      canvas.ellipse(dice.unit(), dice.unit(), radius, radius, [255, 250, 214], dice.between(0.6, 1));
    }
    const x = dice.chance(0.5) ? dice.between(0.1, 0.2) : dice.between(0.8, 0.9);
    const y = dice.between(0.1, 0.18);
    canvas.ellipse(x, y, 0.075, 0.075, [250, 240, 190]);
    canvas.ellipse(x + 0.035, y - 0.015, 0.065, 0.065, [18, 22, 60]);
  },
  grass(canvas, dice) {
    canvas.gradient([110, 190, 245], [198, 232, 252], 0, 0.7);
    clouds(canvas, dice, 0.3);
    canvas.below(rolling(dice, dice.between(0.44, 0.52), 0.03, 0.7), [134, 202, 96]);
    canvas.below(rolling(dice, dice.between(0.56, 0.63), 0.025, 0.9), [104, 182, 76]);
    const petals: readonly Rgb[] = [white, [255, 220, 90], [250, 150, 180]];
    const count = 5 + dice.integer(6);
    for (let i = 0; i < count; i += 1) {
      const y = dice.between(0.7, 0.97);
      canvas.ellipse(dice.unit(), y, 0.014, 0.012, dice.pick(petals));
    }
  },
  table(canvas, dice) {
    const walls: readonly Rgb[] = [
      [236, 226, 206],
      [212, 224, 222],
      [240, 214, 200],
    ];
    canvas.fill(dice.pick(walls));
    const edge = dice.between(0.5, 0.58);
    canvas.rectangle(0, edge, 1, 1, [182, 124, 72]);
    canvas.rectangle(0, edge, 1, edge + 0.025, [206, 150, 96]);
    const plank = dice.between(0.11, 0.14);
    for (let y = edge + plank; y < 1; y += plank) {
      canvas.rectangle(0, y, 1, y + 0.012, [138, 90, 50]);
      const joint = dice.unit();
      canvas.rectangle(joint, y - plank + 0.012, joint + 0.012, y, [138, 90, 50]);
    }
  },
  sea(canvas, dice) {
    const horizon = dice.between(0.3, 0.4);
    canvas.gradient([140, 206, 246], [216, 240, 252], 0, horizon + 0.02);
    clouds(canvas, dice, 0.18);
    canvas.gradient([22, 104, 176], [44, 150, 208], horizon, 1);
    for (let i = 0; i < 4; i += 1) {
      const y = horizon + 0.08 + i * 0.15 + dice.between(-0.02, 0.02);
      const wave = rolling(dice, y, 0.008 + 0.003 * i, 3.2 - 0.4 * i);
      canvas.below(wave, [170, 222, 246], 0.55);
      canvas.below((x) => wave(x) + 0.018 + 0.004 * i, [36 + 4 * i, 128 + 8 * i, 194 + 5 * i]);
    }
  },
  desert(canvas, dice) {
    canvas.gradient([250, 190, 110], [255, 232, 176], 0, 0.7);
    const sun = dice.between(0.15, 0.85);
    canvas.ellipse(sun, dice.between(0.12, 0.22), 0.08, 0.08, [255, 246, 200]);
    canvas.below(rolling(dice, dice.between(0.46, 0.53), 0.045, 0.9), [226, 170, 96]);
    canvas.below(rolling(dice, dice.between(0.58, 0.66), 0.035, 0.7), [238, 190, 116]);
  },
  city(canvas, dice) {
    canvas.gradient([150, 196, 232], [226, 234, 240], 0, 0.8);
    const walls: readonly Rgb[] = [
      [104, 116, 140],
      [130, 138, 158],
      [88, 100, 126],
      [150, 140, 146],
      [116, 128, 132],
    ];
    let x = dice.between(-0.1, 0);
    while (x < 1) {
      const width = dice.between(0.13, 0.22);
      const top = dice.between(0.14, 0.48);
      canvas.rectangle(x, top, x + width, 0.8, dice.pick(walls));
      for (let y = top + 0.04; y < 0.72; y += 0.075) {
        for (let column = x + 0.025; column < x + width - 0.03; column += 0.05) {
          if (dice.chance(0.75)) canvas.rectangle(column, y, column + 0.026, y + 0.036, [250, 226, 140], 0.9);
        }
      }
      x += width + 0.008;
    }
    canvas.rectangle(0, 0.74, 1, 1, [92, 94, 102]);
    canvas.rectangle(0, 0.74, 1, 0.775, [176, 178, 182]);
    for (let dash = dice.between(-0.2, 0); dash < 1; dash += 0.28)
      canvas.rectangle(dash, 0.88, dash + 0.15, 0.905, white, 0.9);
  },
  forest(canvas, dice) {
    canvas.gradient([186, 226, 214], [150, 204, 160], 0, 0.85);
    const rows: readonly (readonly [number, Rgb])[] = [
      [0.62, [92, 156, 100]],
      [0.72, [52, 116, 66]],
    ];
    for (const [base, color] of rows) {
      for (let x = dice.between(-0.1, 0); x < 1.1; x += dice.between(0.13, 0.19)) {
        const top = base - dice.between(0.42, 0.56);
        canvas.rectangle(x - 0.015, base - 0.08, x + 0.015, base + 0.03, [110, 74, 46]);
        canvas.triangle(x, top, base - 0.14, 0.085, color);
        canvas.triangle(x, top + 0.14, base - 0.04, 0.115, color);
      }
    }
    canvas.below(rolling(dice, dice.between(0.68, 0.72), 0.015, 1.1), [84, 142, 66]);
  },
  mountains(canvas, dice) {
    canvas.gradient([126, 190, 240], [220, 238, 250], 0, 0.8);
    const count = 3;
    for (let i = 0; i < count; i += 1) {
      const x = (i + dice.between(0.2, 0.8)) / count;
      const top = dice.between(0.1, 0.26);
      const halfWidth = dice.between(0.3, 0.42);
      canvas.triangle(x, top, 0.66, halfWidth, i === 1 ? [112, 124, 150] : [134, 146, 170]);
      // The snow on the top is a smaller triangle of the same slopes.
      const snow = 0.13;
      canvas.triangle(x, top, top + snow, (halfWidth * snow) / (0.66 - top), [246, 250, 255]);
    }
    canvas.below(rolling(dice, dice.between(0.6, 0.66), 0.02, 0.8), [126, 192, 104]);
  },
};

export function paintPlace(canvas: Canvas, place: PlaceName, dice: Dice): void {
  painters[place](canvas, dice);
}
