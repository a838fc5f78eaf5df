// Lint rules, and the one rule that keeps the architecture: a layer may import only from the layers below it (ARCHITECTURE.md).
// They are ESLint's recommended rules and typescript-eslint's strict ones with type information; test/scripts/lint.test.ts has a fault for each.
import { defineConfig } from "oxlint";

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

/** ESLint's recommended rules, and those that typescript-eslint takes from it. */
const recommended = [
  "for-direction",
  "no-array-constructor",
  "no-async-promise-executor",
  "no-case-declarations",
  "no-compare-neg-zero",
  "no-cond-assign",
  "no-constant-binary-expression",
  "no-constant-condition",
  "no-control-regex",
  "no-debugger",
  "no-delete-var",
  "no-dupe-else-if",
  "no-duplicate-case",
  "no-empty",
  "no-empty-character-class",
  "no-empty-pattern",
  "no-empty-static-block",
  "no-ex-assign",
  "no-extra-boolean-cast",
  "no-fallthrough",
  "no-global-assign",
  "no-invalid-regexp",
  "no-irregular-whitespace",
  "no-loss-of-precision",
  "no-misleading-character-class",
  "no-nonoctal-decimal-escape",
  "no-prototype-builtins",
  "no-regex-spaces",
  "no-self-assign",
  "no-shadow-restricted-names",
  "no-sparse-arrays",
  "no-unassigned-vars",
  "no-unsafe-finally",
  "no-unsafe-optional-chaining",
  "no-unused-expressions",
  "no-unused-labels",
  "no-unused-private-class-members",
  "no-useless-assignment",
  "no-useless-backreference",
  "no-useless-catch",
  "no-useless-constructor",
  "no-useless-escape",
  "no-var",
  "prefer-const",
  "prefer-rest-params",
  "prefer-spread",
  "preserve-caught-error",
  "require-yield",
  "use-isnan",
  "valid-typeof",
];

/** What the compiler finds in TypeScript. */
const compilers = [
  "constructor-super",
  "getter-return",
  "no-class-assign",
  "no-const-assign",
  "no-dupe-class-members",
  "no-dupe-keys",
  "no-func-assign",
  "no-import-assign",
  "no-new-native-nonconstructor",
  "no-obj-calls",
  "no-redeclare",
  "no-setter-return",
  "no-this-before-super",
  "no-undef",
  "no-unreachable",
  "no-unsafe-negation",
  "no-with",
];

const typescript = [
  "typescript/consistent-type-imports",
  "typescript/no-duplicate-enum-values",
  "typescript/no-dynamic-delete",
  "typescript/no-empty-object-type",
  "typescript/no-explicit-any",
  "typescript/no-extra-non-null-assertion",
  "typescript/no-extraneous-class",
  "typescript/no-invalid-void-type",
  "typescript/no-misused-new",
  "typescript/no-namespace",
  "typescript/no-non-null-asserted-nullish-coalescing",
  "typescript/no-non-null-asserted-optional-chain",
  "typescript/no-non-null-assertion",
  "typescript/no-require-imports",
  "typescript/no-this-alias",
  "typescript/no-unnecessary-type-constraint",
  "typescript/no-unsafe-declaration-merging",
  "typescript/no-unsafe-function-type",
  "typescript/no-wrapper-object-types",
  "typescript/prefer-as-const",
  "typescript/prefer-literal-enum-member",
  "typescript/prefer-namespace-keyword",
  "typescript/triple-slash-reference",
];

/** Those that need types. */
const typed = [
  "typescript/await-thenable",
  "typescript/no-array-delete",
  "typescript/no-base-to-string",
  "typescript/no-confusing-void-expression",
  "typescript/no-deprecated",
  "typescript/no-duplicate-type-constituents",
  "typescript/no-floating-promises",
  "typescript/no-for-in-array",
  "typescript/no-generated-empty-object-type",
  "typescript/no-implied-eval",
  "typescript/no-meaningless-void-operator",
  "typescript/no-misused-promises",
  "typescript/no-misused-spread",
  "typescript/no-mixed-enums",
  "typescript/no-redundant-type-constituents",
  "typescript/no-unnecessary-boolean-literal-compare",
  "typescript/no-unnecessary-template-expression",
  "typescript/no-unnecessary-type-arguments",
  "typescript/no-unnecessary-type-assertion",
  "typescript/no-unnecessary-type-conversion",
  "typescript/no-unnecessary-type-parameters",
  "typescript/no-unsafe-argument",
  "typescript/no-unsafe-assignment",
  "typescript/no-unsafe-call",
  "typescript/no-unsafe-enum-assignment",
  "typescript/no-unsafe-enum-comparison",
  "typescript/no-unsafe-member-access",
  "typescript/no-unsafe-return",
  "typescript/no-unsafe-unary-minus",
  "typescript/no-useless-default-assignment",
  "typescript/only-throw-error",
  "typescript/prefer-promise-reject-errors",
  "typescript/prefer-reduce-type-parameter",
  "typescript/prefer-return-this-type",
  "typescript/related-getter-setter-pairs",
  "typescript/require-await",
  "typescript/switch-exhaustiveness-check",
  "typescript/unbound-method",
  "typescript/use-unknown-in-catch-callback-variable",
];

const errors = (names) => Object.fromEntries(names.map((name) => [name, "error"]));
const off = (names) => Object.fromEntries(names.map((name) => [name, "off"]));

export default defineConfig({
  plugins: ["typescript"],
  // Every rule is named: a new version of the linter adds none and drops none.
  categories: { correctness: "off" },
  ignorePatterns: ["dist", "node_modules", "coverage", "models", "build", "bench/.cache"],
  options: { typeAware: true, reportUnusedDisableDirectives: "error" },
  rules: {
    ...errors([...recommended, ...typescript, ...typed]),
    "no-restricted-imports": ["error", { paths: [runtime] }],
    "no-unused-vars": ["error", { vars: "all", args: "after-used", caughtErrors: "all" }],
    "typescript/ban-ts-comment": ["error", { minimumDescriptionLength: 10 }],
    "typescript/restrict-plus-operands": [
      "error",
      { allowAny: false, allowBoolean: false, allowNullish: false, allowNumberAndString: false, allowRegExp: false },
    ],
    "typescript/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
    "typescript/return-await": ["error", "error-handling-correctness-only"],
  },
  overrides: [
    ...layerRules,
    {
      files: ["**/*.js", "**/*.cjs"],
      rules: {
        ...errors(compilers),
        ...off([
          ...typed,
          "typescript/restrict-plus-operands",
          "typescript/restrict-template-expressions",
          "typescript/return-await",
        ]),
      },
    },
    {
      files: ["bin/*.cjs"],
      globals: { require: "readonly", process: "readonly", __dirname: "readonly" },
      rules: { "typescript/no-require-imports": "off" },
    },
    { files: ["src/graph/onnx-runtime.ts"], rules: { "no-restricted-imports": "off" } },
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
  ],
});
