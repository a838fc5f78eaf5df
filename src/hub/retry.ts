/**
 * @file Trying again: what is passing is tried some more, after pauses that grow, or as long as the server asks for.
 * Tries that got something further do not count.
 */
import { KeepsakeError } from "../errors.ts";
import { requestFault, Transient } from "./faults.ts";
import type { HubSettings } from "./settings.ts";

/** In seconds: who is asked to wait longer may come back another time. */
const LONGEST_WAIT = 120;
const LONGEST_PAUSE = 8;

/**
 * @param attempt - one try
 * @param progress - a number that grows when a try got somewhere
 * @throws KeepsakeError when it is given up; the signal's reason; any other error of the attempt as it is
 */
export async function persistently<Result>(
  url: URL,
  settings: HubSettings,
  attempt: () => Promise<Result>,
  progress: () => number = () => 0,
): Promise<Result> {
  const { signal, tries, wait } = settings;
  let reached = progress();
  for (let failed = 0; ;) {
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      const fault = requestFault(error, url);
      if (!(fault instanceof Transient)) throw fault;
      failed = progress() > reached ? 1 : failed + 1;
      reached = Math.max(reached, progress());
      const pause = fault.retryAfter ?? Math.min(2 ** (failed - 1), LONGEST_PAUSE);
      const later = pause > LONGEST_WAIT ? ` in ${Math.ceil(pause / 60)} minutes` : "";
      if (failed >= tries || pause > LONGEST_WAIT) {
        const advice = `what has come is kept, repeat the command${later} to go on`;
        throw new KeepsakeError("environment", `${url.host}: ${fault.message}; ${advice}.`, { cause: error });
      }
      await wait(pause * 1000, signal).catch(() => undefined);
      signal?.throwIfAborted();
    }
  }
}
