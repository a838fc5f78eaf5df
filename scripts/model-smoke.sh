#!/usr/bin/env bash
# A run of every recipe of the built-in model, too short to learn anything: shows that each one runs and fits the next.
set -euo pipefail
output=build/smoke
rm -rf "$output"
for part in clip vae unet judge; do
  npx tsx "recipes/train-$part.ts" --smoke --output "$output"
done
npx tsx recipes/evaluate.ts --smoke --model "$output/model" --judge "$output/judge"
npx tsx recipes/recognition.ts --smoke --model "$output/model" --output "$output/recognition"
npx tsx recipes/taught.ts --smoke --model "$output/model" --judge "$output/judge" --output "$output/taught.png"
