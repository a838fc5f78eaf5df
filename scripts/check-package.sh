#!/usr/bin/env bash
# Packs the package, installs the tarball in an empty project, and uses it as a stranger would: the command, typed imports,
# and every example of the documentation.
set -euo pipefail
cd "$(dirname "$0")/.."
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT

npm pack --silent --pack-destination "$project" >/dev/null
npx tsx scripts/extract-examples.ts "$project/examples"
photos=$PWD/examples/concepts/mochi/train
types=$PWD/node_modules/@types/node
compiler=$PWD/node_modules/typescript/bin/tsc
native=$PWD/node_modules/typescript-7/bin/tsc
options=(--noEmit false --strict --skipLibCheck --lib es2022 --types node --moduleDetection force)
options+=(--target es2022 --module nodenext --moduleResolution nodenext)
cd "$project"
cat >package.json <<'JSON'
{ "name": "stranger", "private": true, "type": "module" }
JSON
npm install --silent --ignore-scripts --no-audit --no-fund ./keepsake-*.tgz
npx --no-install keepsake --help >help.txt
grep -q "keepsake learn" help.txt
npx --no-install keepsake --version

mkdir -p node_modules/@types && cp -r "$types" node_modules/@types/node && rm -rf node_modules/undici-types
cat >use.ts <<'TS'
import { Keepsake, KeepsakeError, type LearnResult, type Operation } from "keepsake";
import { createLora, Lora, type LoraLayer } from "keepsake/adapters";
import { createScheduler, schedulerNames, StableDiffusionPipeline, type Scheduler } from "keepsake/diffusion";
import { squaredMmd, type Kernel } from "keepsake/evaluation";
import { gradients, input, mul, Program, sum, type Tensor } from "keepsake/graph";
import { createStrategy, STRATEGIES, type Strategy } from "keepsake/strategies";

const layers: LoraLayer[] = [];
const strategy: Strategy = createStrategy(STRATEGIES[0]?.name ?? "");
const scheduler: Scheduler = createScheduler(schedulerNames()[0] ?? "", {});
const kernel: Kernel = (a, b) => Number(a[0] === b[0]);
const values: unknown[] = [new Lora(layers), createLora, strategy, scheduler, kernel, squaredMmd, StableDiffusionPipeline];
if (values.includes(undefined)) throw new Error("an export is missing");
const x: Tensor = input("x", [2]);
const [dx] = gradients(sum(mul(x, x)), [x]);
if (dx === undefined) throw new Error("no gradient");
const program = await Program.create({ dx });
const result = await program.run({ x: Float32Array.of(3, -1) });
if (result.dx.join() !== "6,-2") throw new Error(`wrong gradient: ${result.dx.join()}`);
const keepsake: Keepsake = await Keepsake.open("nowhere", { lazy: true });
try {
  const learning: Operation<LearnResult, unknown> = keepsake.learn({ name: "NO", photos: [], classNoun: "cat" });
  throw new Error((await learning).status);
} catch (error) {
  if (!(error instanceof KeepsakeError) || error.kind !== "usage") throw error;
}
await keepsake.close();
TS
node "$compiler" "${options[@]}" use.ts
node use.js

# Every example compiles as it is written, with the native compiler: people have the one or the other. Those of the README
# run, on photos of the examples; so do those of the graph.
find examples -name '*.ts' -print0 | xargs -0 node "$native" "${options[@]}"
mkdir -p photos && cp -r "$photos" photos/mochi
for example in examples/README.md.*.js $(find examples/src/graph -name '*.js'); do
  node "$example"
done
test -s mochi.png
echo "the package works"
