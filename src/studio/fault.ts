/**
 * @file Faults as the page reads them, and the status with which they are answered.
 */
import { KeepsakeError, outOfMemory } from "../errors.ts";
import type { Fault } from "./api.ts";
import { inPageWords } from "./page-words.ts";

/** Statuses of faults. */
export type FaultStatus = 400 | 401 | 403 | 404 | 408 | 409 | 413 | 415 | 422 | 500 | 503;

const STATUSES: Readonly<Record<Fault["kind"], FaultStatus>> = {
  usage: 400,
  input: 422,
  environment: 503,
  state: 409,
  defect: 500,
};

/** A fault with a status of its own. */
export class HttpFault extends Error {
  readonly status: FaultStatus;
  readonly fault: Fault;

  constructor(status: FaultStatus, message: string, kind: Fault["kind"] = "usage") {
    super(message);
    this.status = status;
    this.fault = { kind, message };
  }
}

/** A fault that a lane has reported. */
export class LaneFault extends Error {
  readonly fault: Fault;
  /** `stopped`: it was asked to stop. `died`: the lane's process ended. */
  readonly why: "failed" | "stopped" | "died";

  constructor(fault: Fault, why: LaneFault["why"]) {
    super(fault.message);
    this.fault = fault;
    this.why = why;
  }
}

/** What a person is told of an error. A defect's own words stay out: they may quote what was sent. */
export function faultOf(thrown: unknown): Fault {
  if (thrown instanceof LaneFault || thrown instanceof HttpFault) return thrown.fault;
  const error = outOfMemory(thrown) ?? thrown;
  if (error instanceof KeepsakeError) return { kind: error.kind, message: inPageWords(error.message) };
  const name = error instanceof Error ? error.name : typeof error;
  return { kind: "defect", message: `This is a defect of Keepsake (${name}); please report it.` };
}

export function statusOf(thrown: unknown): FaultStatus {
  return thrown instanceof HttpFault ? thrown.status : STATUSES[faultOf(thrown).kind];
}
