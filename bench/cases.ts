/**
 * @file What is measured: the cases, the marks that some of them have to reach, and the result of one.
 */
import type { Provider } from "../src/graph/index.ts";
import type { WeightsDType } from "./random-checkpoint.ts";

/** One UNet program. */
export interface BenchCase {
  readonly name: string;
  /** Height and width of the latents. */
  readonly size: number;
  /** A LoRA training step; otherwise the forward pass alone. */
  readonly training: boolean;
  readonly weights: WeightsDType;
  readonly checkpointing: boolean;
  readonly marks: Marks;
}

/** Bounds to keep; memory in gigabytes of 10^9 bytes. */
export interface Marks {
  readonly minEfficiency?: number;
  readonly maxPeak?: number;
  readonly maxAnonymous?: number;
  readonly maxCreateSeconds?: number;
}

export const CASES: readonly BenchCase[] = [
  benchCase("forward", 32, "fp32"),
  benchCase("forward", 64, "fp32"),
  benchCase("train", 32, "fp32"),
  benchCase("train", 32, "fp16"),
  benchCase("train", 64, "fp32", {
    marks: { minEfficiency: 0.65, maxPeak: 5.1, maxAnonymous: 1.6, maxCreateSeconds: 1 },
  }),
  benchCase("train", 64, "fp32", { checkpointing: true }),
  benchCase("train", 64, "fp16", { checkpointing: true, marks: { maxPeak: 3 } }),
];

function benchCase(
  kind: "forward" | "train",
  size: number,
  weights: WeightsDType,
  { checkpointing = false, marks = {} }: { readonly checkpointing?: boolean; readonly marks?: Marks } = {},
): BenchCase {
  const name = `${kind} ${size}x${size} ${weights}${checkpointing ? " checkpointing" : ""}`;
  return { name, size, training: kind === "train", weights, checkpointing, marks };
}

/** How to run a case. */
export interface RunSettings {
  /** Timed runs, after one that is not counted. */
  readonly runs: number;
  readonly provider: Provider;
  readonly placement: "mapped" | "packed";
  readonly threads: number;
}

/** What the process of a case finds out about the case itself. */
export interface CaseMeasurement {
  /** Tracing the model and its derivative. */
  readonly graphSeconds: number;
  /** Emitting the ONNX model and creating the session. */
  readonly createSeconds: number;
  readonly warmUpSeconds: number;
  /** In the order of the runs. */
  readonly runSeconds: readonly number[];
  readonly flops: number;
  /** As the operating system reports it after the fact (getrusage). */
  readonly maxRssBytes: number;
}

/** Everything about one case, as it goes into the table and the JSON file. Rates in FLOP/s, memory in bytes. */
export interface CaseResult extends CaseMeasurement {
  readonly name: string;
  readonly medianSeconds: number;
  readonly rate: number;
  readonly referenceRate: number;
  readonly efficiency: number;
  readonly peakBytes: number;
  /** Known on Linux only. */
  readonly peakAnonymousBytes: number | undefined;
}

/** From the process of a case to the one that started it: `measured`, then, once that was answered, `reference`. */
export type CaseMessage =
  | { readonly kind: "measured"; readonly measurement: CaseMeasurement }
  | { readonly kind: "reference"; readonly rate: number };
