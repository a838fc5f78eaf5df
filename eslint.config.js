// Lint rules, and the one rule that keeps the architecture: a layer may import only from the layers below it (ARCHITECTURE.md).
import eslint from "@eslint/js";
import prettier from "eslint-config-prettier";
import tseslint from "typescript-eslint";

/** The layers of src/, lowest first. Layers on the same line do not know each other. */
const layers = [
  ["io", "random", "numeric"],
  ["graph"],
  ["diffusion", "prompts"],
  ["hub-cache"],
  ["adapters"],
  ["training"],
  ["strategies"],
  ["learning"],
  ["library"],
  ["classifier"],
  ["keepsake"],
  ["evaluation"],
  ["hub"],
  ["studio"],
  ["cli"],
];

/** ONNX Runtime sends telemetry unless that is switched off before it is loaded. */
const runtime = {
  name: "onnxruntime-node",
  message: "Only src/graph/onnx-runtime.ts loads ONNX Runtime: it switches the telemetry off first (loadOnnxRuntime).",
};

const layerRules = layers.flatMap((rooms, level) =>
  rooms.map((room) => {
    const above = layers.slice(level + 1).flat();
    const beside = rooms.filter((other) => other !== room);
    // graph/ is published on its own: it knows nothing of files and images.
    const below = room === "graph" ? ["io", "random", "numeric"] : [];
    const forbidden = [...above, ...beside, ...below];
    const patterns = forbidden.map((other) => ({
      regex: `^(\\.\\./)+${other}/`,
      message: `${room}/ may not import from ${other}/: imports point down the layers (ARCHITECTURE.md).`,
    }));
    patterns.push({
      regex: "^(\\.\\./)+index\\.ts$",
      message: "The package's entry point is for users, not for the layers.",
    });
    return {
      files: [`src/${room}/**/*.ts`],
      rules: { "no-restricted-imports": ["error", { paths: [runtime], patterns }] },
    };
  }),
);

export default tseslint.config(
  { ignores: ["dist", "node_modules", "coverage", "models", "build", "bench/.cache"] },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/no-unnecessary-condition": "off",
      "@typescript-eslint/unified-signatures": "off",
    },
  },
  {
    rules: {
      "no-restricted-imports": ["error", { paths: [runtime] }],
      "no-restricted-syntax": [
        "error",
        { selector: `ImportExpression[source.value="${runtime.name}"]`, message: runtime.message },
        {
          selector: `CallExpression[callee.name="require"][arguments.0.value="${runtime.name}"]`,
          message: runtime.message,
        },
      ],
    },
  },
  ...layerRules,
  { files: ["**/*.js", "**/*.cjs"], ...tseslint.configs.disableTypeChecked },
  {
    files: ["bin/*.cjs"],
    languageOptions: { globals: { require: "readonly", process: "readonly", __dirname: "readonly" } },
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
  {
    files: ["src/graph/onnx-runtime.ts"],
    rules: { "no-restricted-imports": "off", "no-restricted-syntax": "off" },
  },
  {
    // The command runs in a worker thread, where these are neither a terminal nor written in time.
    files: ["src/**/*.ts"],
    rules: {
      "no-console": "error",
      "no-restricted-properties": [
        "error",
        ...["stdout", "stderr"].map((property) => ({
          ...{ object: "process", property },
          message: "Write through src/cli/streams.ts.",
        })),
      ],
    },
  },
  prettier,
);
