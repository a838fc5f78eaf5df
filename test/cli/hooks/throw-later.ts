/** @file Loaded into a process, throws where nobody catches it, in the thread that runs the command. */
import { isMainThread } from "node:worker_threads";

if (!isMainThread) {
  setTimeout(() => {
    throw new Error("thrown by a timer");
  });
}
