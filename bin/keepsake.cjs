#!/usr/bin/env node
/*
 * The command `keepsake`. Plain CommonJS that old versions of Node can parse, so that what is missing is said in one
 * line.
 */
"use strict";
const { existsSync } = require("fs");
const path = require("path");
const { pathToFileURL } = require("url");
const { engines } = require("../package.json");

const root = path.join(__dirname, "..");
const main = path.join(root, "dist", "cli", "main.js");

/** Exit code of what the machine does not allow (src/cli/exit.ts). */
const REFUSED = 4;

const leastVersion = engines.node.replace(">=", "");
if (isOlder(process.versions.node, leastVersion)) {
  refuse(`Keepsake needs Node ${leastVersion} or later, this is ${process.versions.node}: see https://nodejs.org.`);
} else if (!existsSync(main)) {
  refuse(`Keepsake is not built yet: run "npm ci && npm run build" in ${root}, then try again.`);
} else {
  void import(pathToFileURL(main).href);
}

/** Whether a version "20.18.1" comes before "20.19". */
function isOlder(version, least) {
  const [major, minor] = version.split(".").map(Number);
  const [leastMajor, leastMinor] = least.split(".").map(Number);
  return major < leastMajor || (major === leastMajor && minor < leastMinor);
}

function refuse(message) {
  process.stderr.write(`error: ${message}\n`);
  process.exitCode = REFUSED;
}
