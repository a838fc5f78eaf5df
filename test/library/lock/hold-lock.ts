/** @file A process that takes the lock of a folder, says so, and keeps it until it is killed. */
import { lockFolder } from "../../../src/library/lock/lock.ts";

const [folder = "", command = ""] = process.argv.slice(2);
const said = await lockFolder(folder, command).then(
  () => "taken",
  (error: unknown) => (error instanceof Error ? error.message : String(error)),
);
process.stdout.write(`${said}\n`);
if (said === "taken") setInterval(() => undefined, 1000);
