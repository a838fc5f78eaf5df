#!/usr/bin/env node
/**
 * @file The entry of the command line: a main thread that only watches, and a worker thread that runs the command.
 */
import { isMainThread } from "node:worker_threads";
import { supervise } from "./supervisor.ts";

if (isMainThread) {
  supervise(new URL(import.meta.url));
} else {
  const { runCommand } = await import("./program.ts");
  await runCommand(process.argv.slice(2));
}
