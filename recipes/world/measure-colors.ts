/**
 * @file Finds the main colour of every icon and writes it to icon-colors.ts, so that scenes and captions do not depend on the
 * machine that renders the icons. Run it after a change of nouns.ts or of the icon sets: `npx tsx recipes/world/measure-colors.ts`.
 */
import { writeFileAtomic } from "../../src/io/atomic.ts";
import { labFromRgb, lchFromLab, nameOfColor, type Lab } from "./color.ts";
import { belongsToMain, Icons, type Bitmap } from "./icons.ts";
import { NOUNS, STYLE_NAMES } from "./nouns.ts";

/** Below this share of the icon's area, there is no main colour to change. */
const minimalShare = 0.51;
/** Below this share, the main colour is not what people would call the thing's colour. */
const minimalShareForName = 0.58;
/** What is many-coloured by nature, or whose largest colour is not its own: that of a television's screen. */
const manyColored: ReadonlySet<string> = new Set(["rainbow", "bee", "zebra", "pizza", "hamburger", "television"]);

interface Area {
  readonly lab: Lab;
  readonly weight: number;
}

function areasOf({ data }: Bitmap): Area[] {
  const areas: Area[] = [];
  for (let i = 0; i < data.length; i += 4) {
    const alpha = data[i + 3];
    if (alpha < 128) continue;
    const byte = (c: number) => Math.min(255, Math.round((data[i + c] * 255) / alpha));
    areas.push({ lab: labFromRgb([byte(0), byte(1), byte(2)]), weight: alpha / 255 });
  }
  return areas;
}

function mean(areas: readonly Area[]): Lab {
  let total = 0;
  const sum = [0, 0, 0];
  for (const { lab, weight } of areas) {
    total += weight;
    for (let c = 0; c < 3; c += 1) sum[c] += weight * lab[c];
  }
  return [sum[0] / total, sum[1] / total, sum[2] / total];
}

function weightOf(areas: readonly Area[]): number {
  return areas.reduce((sum, area) => sum + area.weight, 0);
}

/** The colour to which most of the icon belongs, among the means of the fullest cells of a coarse grid over OKLab. */
function mainColor(areas: readonly Area[]): { main: Lab; share: number } {
  const cells = new Map<string, Area[]>();
  for (const area of areas) {
    const key = [Math.floor(area.lab[0] * 8), Math.floor(area.lab[1] * 20), Math.floor(area.lab[2] * 20)].join();
    const cell = cells.get(key) ?? [];
    cell.push(area);
    cells.set(key, cell);
  }
  const fullest = [...cells.values()].sort((x, y) => weightOf(y) - weightOf(x)).slice(0, 8);
  let best = { main: areas[0].lab, share: 0 };
  for (const cell of fullest) {
    const main = mean(cell);
    const members = areas.filter(({ lab }) => belongsToMain(lab, main) > 0.5);
    const share = weightOf(members) / weightOf(areas);
    if (share > best.share) best = { main: mean(members), share };
  }
  return best;
}

const icons = await Icons.load();
const lines: string[] = [];
for (const style of STYLE_NAMES) {
  lines.push(`  ${style}: {`);
  for (const noun of NOUNS) {
    if (manyColored.has(noun.name)) continue;
    const { main, share } = mainColor(areasOf(icons.sprite(noun.name, style)[1]));
    if (share < minimalShare) continue;
    const name = share >= minimalShareForName ? nameOfColor(main) : undefined;
    const [lightness, a, b] = main.map((value) => Number(value.toFixed(3)));
    lines.push(
      `    ${JSON.stringify(noun.name)}: { main: [${lightness}, ${a}, ${b}], share: ${share.toFixed(2)}, name: ${JSON.stringify(name)} },`,
    );
    const [l, c, h] = lchFromLab(main);
    console.log(
      `${style} ${noun.name}: ${name ?? "-"} (share ${share.toFixed(2)}, L ${l.toFixed(2)} C ${c.toFixed(2)} h ${h.toFixed(0)})`,
    );
  }
  lines.push("  },");
}
await writeFileAtomic(
  new URL("icon-colors.ts", import.meta.url).pathname,
  `/** @file The main colour of every icon that has one. Written by measure-colors.ts. */
import type { ColorName, Lab } from "./color.ts";
import type { StyleName } from "./nouns.ts";

export interface MeasuredColor {
  /** The mean of the colours that belong together (\`belongsToMain\`). */
  readonly main: Lab;
  /** Their share of the icon's area, 0 to 1. */
  readonly share: number;
  /** The word for it; undefined where people would disagree. */
  readonly name: ColorName | undefined;
}

/** By style and noun. An icon without an entry has no main colour, and is not recoloured. */
export const ICON_COLORS_MEASURED: Readonly<Record<StyleName, Readonly<Record<string, MeasuredColor | undefined>>>> = {
${lines.join("\n")}
};
`,
);
