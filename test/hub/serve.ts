/**
 * @file A hub in a process of its own, for programs that are watched while this one waits. Says where it is on stdout.
 */
import { FakeHub } from "./fake-hub.ts";
import { modelFiles } from "./model-files.ts";

const hub = await new FakeHub(modelFiles()).start();
process.stdout.write(`${hub.endpoint} ${hub.cdn}\n`);
