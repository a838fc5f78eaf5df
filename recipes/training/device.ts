/**
 * @file The GPU is used by one program at a time. ONNX Runtime's sessions share one WebGPU device, and two that run or
 * open at the same time in different threads crash the process (github.com/microsoft/onnxruntime/issues/32561).
 */
import type { Provider } from "../../src/graph/index.ts";

let last: Promise<unknown> = Promise.resolve();

/** Runs `work` once the earlier work on the GPU is done; on the CPU at once. */
export function inTurn<T>(provider: Provider, work: () => Promise<T>): Promise<T> {
  if (provider === "cpu") return work();
  const turn = last.then(work);
  last = turn.catch(() => undefined);
  return turn;
}
