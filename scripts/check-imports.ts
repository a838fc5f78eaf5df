/**
 * @file Part of `npm run lint`: the files of src/ import each other in one direction. oxlint.config.js says which room
 * may import from which; imports/faults.ts finds what no rule of a linter does.
 */
import { importFaults } from "./imports/faults.ts";

const faults = importFaults(".");
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exitCode = faults.length === 0 ? 0 : 1;
