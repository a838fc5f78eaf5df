/**
 * @file The one place that loads ONNX Runtime, with its telemetry switched off first.
 *
 * Official builds for Linux and macOS send events to Microsoft unless ORT_DISABLE_TELEMETRY=1 is in the environment of
 * the process when the library initialises. Its decision then holds for the life of the process.
 */
import { isMainThread } from "node:worker_threads";
import type * as Ort from "onnxruntime-node";
import { KeepsakeError } from "../errors.ts";
import { loadNativePackage } from "../native-package.ts";

export type { Ort };

const VARIABLE = "ORT_DISABLE_TELEMETRY";

/** How long the main thread may take to answer a worker, in milliseconds. */
const PATIENCE = 2000;

let isOff = false;

/**
 * Loads ONNX Runtime. Everything that needs it goes through here.
 *
 * @throws KeepsakeError if its telemetry cannot be switched off, or the machine cannot load it
 */
export async function loadOnnxRuntime(): Promise<typeof Ort> {
  isOff ||= disableTelemetry() || (await disableFromTheMainThread()) || processWasStartedWithoutTelemetry();
  if (isOff) return loadNativePackage("onnxruntime-node", () => import("onnxruntime-node"));
  throw new KeepsakeError(
    "environment",
    `ONNX Runtime's telemetry cannot be switched off from this thread; start the program with ${VARIABLE}=1.`,
  );
}

/** The version of ONNX Runtime. @throws KeepsakeError as {@link loadOnnxRuntime} */
export async function onnxRuntimeVersion(): Promise<string> {
  return (await loadOnnxRuntime()).env.versions.node ?? "unknown";
}

/** The execution providers that ONNX Runtime was built with here. @throws KeepsakeError as {@link loadOnnxRuntime} */
export async function listProviders(): Promise<string[]> {
  return (await loadOnnxRuntime()).listSupportedBackends().map(({ name }) => name);
}

/**
 * Switches ONNX Runtime's telemetry off for this process, if this is its main thread.
 *
 * @returns whether native code sees it: a worker's `process.env` is a copy, and a test runner may have replaced the
 *   main one
 */
export function disableTelemetry(): boolean {
  // Node's own process.env makes text of a number; an object that stands in for it does not.
  return isMainThread && Reflect.set(process.env, VARIABLE, 1) && process.env[VARIABLE] === "1";
}

/**
 * `disableTelemetry` in the main thread's own context, which other threads reach through the inspector: no port is
 * opened.
 */
async function disableFromTheMainThread(): Promise<boolean> {
  const inspector = await import("node:inspector").catch(() => undefined);
  if (inspector === undefined) return false;
  const session = new inspector.Session();
  const expression = `process.env.${VARIABLE} = 1; process.env.${VARIABLE} === "1"`;
  try {
    if (isMainThread) session.connect();
    else session.connectToMainThread();
    return await new Promise<boolean>((resolve) => {
      // A main thread that waits for this very worker never answers.
      const timer = setTimeout(resolve, PATIENCE, false);
      session.post("Runtime.evaluate", { expression }, (error, answer) => {
        clearTimeout(timer);
        resolve(error === null && answer.result.value === true);
      });
    });
  } catch {
    // Node's permission model forbids it, or Node was built without it.
    return false;
  } finally {
    session.disconnect();
  }
}

/**
 * Node's report holds the environment that native code sees. It is slow to make, hence the last thing that is tried.
 */
function processWasStartedWithoutTelemetry(): boolean {
  // The report would also ask for the machine's network interfaces, and names of open connections.
  const excludesNetwork: unknown = Reflect.get(process.report, "excludeNetwork");
  Reflect.set(process.report, "excludeNetwork", true);
  const report: { environmentVariables?: Readonly<Record<string, string>> } = process.report.getReport();
  Reflect.set(process.report, "excludeNetwork", excludesNetwork);
  return report.environmentVariables?.[VARIABLE] === "1";
}
