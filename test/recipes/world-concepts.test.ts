import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { CONCEPTS } from "../../recipes/concepts/concepts.ts";
import { viewsOf } from "../../recipes/concepts/views.ts";
import { backgroundKey } from "../../recipes/world/backgrounds.ts";
import { NOUN_NAMES } from "../../recipes/figures/nouns.ts";
import { decodeImage } from "../../src/io/images/image.ts";

describe("the ten concepts", () => {
  it("are of kinds that the world knows", () => {
    expect(CONCEPTS).toHaveLength(10);
    expect(new Set(CONCEPTS.map((concept) => concept.name)).size).toBe(10);
    for (const { classNoun } of CONCEPTS) expect(NOUN_NAMES).toContain(classNoun);
  });

  it("hold two pairs of one kind that are easily confused", () => {
    for (const concept of CONCEPTS) {
      const other = CONCEPTS.find(({ name }) => name === concept.confusedWith);
      expect(other?.confusedWith).toBe(concept.confusedWith === undefined ? undefined : concept.name);
      if (other !== undefined) expect(other.classNoun).toBe(concept.classNoun);
    }
    expect(CONCEPTS.filter(({ confusedWith }) => confusedWith !== undefined)).toHaveLength(4);
  });

  it.each(CONCEPTS)("show $name in twelve different poses and settings, six of them held out", (concept) => {
    const [train, test] = [viewsOf(concept, "train"), viewsOf(concept, "test")];
    expect([train.length, test.length]).toEqual([6, 6]);
    const all = [...train, ...test];
    expect(new Set(all.map(({ pose }) => JSON.stringify(pose))).size).toBe(12);
    expect(new Set(all.map(({ background }) => backgroundKey(background))).size).toBe(12);
    for (const part of [train, test]) expect(new Set(part.map(({ pose }) => pose.body)).size).toBe(3);
    expect(new Set(all.map(({ pose }) => concept.draw(pose))).size).toBeGreaterThanOrEqual(6);
  });

  it("are drawn in the pictures that concepts.json lists", async () => {
    const folder = new URL("../../examples/concepts/", import.meta.url);
    const listed: unknown = JSON.parse(await readFile(new URL("concepts.json", folder), "utf8"));
    expect(listed).toMatchObject({ concepts: CONCEPTS.map(({ name, classNoun }) => ({ name, classNoun })) });
    for (const { name } of CONCEPTS) {
      for (const part of ["train", "test"]) {
        for (let i = 0; i < 6; i += 1) {
          const picture = await decodeImage(new URL(`${name}/${part}/0${i}.png`, folder).pathname);
          expect([picture.width, picture.height]).toEqual([256, 256]);
        }
      }
    }
  });
});
