// The API reference, `npm run docs`: one module for each entry point of the package.
import { readFileSync } from "node:fs";
import { URL } from "node:url";
import { OptionDefaults } from "typedoc";

const { exports } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
const sources = Object.values(exports).flatMap(
  ({ types }) => types?.replace("dist", "src").replace(".d.ts", ".ts") ?? [],
);

export default {
  name: "Keepsake",
  entryPoints: sources,
  tsconfig: "tsconfig.build.json",
  out: "build/docs",
  readme: "README.md",
  includeVersion: true,
  highlightLanguages: [...OptionDefaults.highlightLanguages, "python"],
  // Types that are in signatures, and no entry point exports them, stand in a module of their own.
  plugin: ["typedoc-plugin-missing-exports"],
  // Links to values that are documented with the rooms' own code alone.
  externalSymbolLinkMappings: { keepsake: { "*": "#" } },
  blockTags: [...OptionDefaults.blockTags, "@file"],
  excludeTags: ["@file"],
  // A warning is a fault: a link that leads nowhere, a type that cannot be looked up.
  treatWarningsAsErrors: true,
};
