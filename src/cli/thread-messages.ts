/**
 * @file What the main thread and the thread of the command say to each other.
 */

/** What the worker sends when it is able to stop at a signal; what it gets then is an order to do so. */
export const STOPPABLE = "stoppable";

/** What the worker cannot find out by itself. */
export interface CommandThreadData {
  /** Width of the terminal that stdout is, if it is one. */
  readonly columns: number | undefined;
}
