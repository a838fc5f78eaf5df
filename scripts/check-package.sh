#!/usr/bin/env bash
# Packs the package, installs the tarball in an empty project, and uses it as a stranger would: the command and typed imports.
set -euo pipefail
cd "$(dirname "$0")/.."
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT

npm pack --silent --pack-destination "$project" >/dev/null
cp tsconfig.json "$project/base.json"
types=$PWD/node_modules/@types/node
compiler=$PWD/node_modules/typescript/bin/tsc
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
import { KeepsakeError, learnConcept, type LearnResult } from "keepsake";
import { gradients, input, mul, Program, sum, type Tensor } from "keepsake/graph";

const x: Tensor = input("x", [2]);
const [dx] = gradients(sum(mul(x, x)), [x]);
if (dx === undefined) throw new Error("no gradient");
const program = await Program.create({ dx });
const result = await program.run({ x: Float32Array.of(3, -1) });
if (result.dx.join() !== "6,-2") throw new Error(`wrong gradient: ${result.dx.join()}`);
try {
  const learned: LearnResult = await learnConcept({ library: "nowhere", name: "NO", photos: [], classNoun: "cat" });
  throw new Error(learned.status);
} catch (error) {
  if (!(error instanceof KeepsakeError) || error.kind !== "usage") throw error;
}
TS
node "$compiler" --noEmit false --strict --skipLibCheck --target es2022 --module nodenext --moduleResolution nodenext --types node use.ts
node use.js
echo "the package works"
