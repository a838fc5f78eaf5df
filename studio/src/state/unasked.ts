/**
 * @file Jobs that nobody needs to ask for: on the built-in model they take seconds. Each is started once for a state of
 * the library, so that one that fails is not tried for ever.
 */
import type { JobRequest } from "../../../src/studio/api.ts";
import { currentState, timeline } from "./memory.ts";
import { tellFault } from "./messages.ts";
import { isIdle, start, studio } from "./studio.ts";

const started = new Set<string>();

export function startUnasked(request: Extract<JobRequest, { readonly kind: "previews" | "remember" }>): void {
  if (studio.value?.model.model !== "built-in" || !isIdle.value) return;
  const states = request.kind === "previews" ? [currentState.value] : timeline.value;
  const key = [request.kind, ...states.map((state) => state?.id)].join(" ");
  if (started.has(key)) return;
  started.add(key);
  void tellFault(() => start(request));
}
