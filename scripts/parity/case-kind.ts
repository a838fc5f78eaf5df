/** @file What the kinds of cases have in common. */
import type { Checks } from "./checks.ts";
import type { TensorCase } from "./tensor-case.ts";
import type { Tree } from "./tree.ts";

/** One thing to check; one line of the report. */
export interface ParityCase {
  /** Folder and name, e.g. `forward/unet-sd1-b1`. */
  readonly name: string;
  /** Computes everything that the case has references for. @throws if it cannot. */
  run(tree: Tree, checks: Checks): Promise<void> | void;
}

/** How cases with tensors are recognised (by what they hold, not by what they are called) and computed. */
export interface CaseKind {
  readonly description: string;
  matches(test: TensorCase): boolean;
  run(test: TensorCase, tree: Tree, checks: Checks): Promise<void> | void;
}
