/**
 * @file A strategy in a project of its own: every concept after the first is learned with the penalty (λ/2) ‖θ - θ*‖²,
 * which pulls the adapter's numbers θ to where the last concept left them (Li, Grandvalet & Davoine, "Explicit
 * Inductive Bias for Transfer Learning", ICML 2018). It is elastic weight consolidation without Fisher information.
 *
 * Import this file before a library is used; then the strategy is named like any other, as `strategy: "l2-anchor"`.
 * Libraries record it, and whoever goes on with such a library has to import it again.
 */
import { defineStrategy, registerStrategy } from "keepsake/strategies";

export const l2Anchor = defineStrategy({
  name: "l2-anchor",
  summary: "the adapter is pulled to where the last concept left it",
  options: {
    lambda: { type: "number", default: 1, min: 0, max: Infinity, help: "strength of the pull: larger forgets less" },
  },
  plan: ({ memory }, { lambda }) => {
    const anchor = memory.get("anchor")?.data;
    return {
      penalty: anchor && {
        value: (parameters) => parameters.reduce((sum, p, i) => sum + (lambda / 2) * (p - anchor[i]) ** 2, 0),
        addGradient: (gradient, parameters) => {
          for (let i = 0; i < gradient.length; i++) gradient[i] += lambda * (parameters[i] - anchor[i]);
        },
      },
      // Kept in the library, for the next concept.
      keep: ({ parameters }) => new Map([["anchor", { shape: [parameters.length], data: parameters.slice() }]]),
    };
  },
});

registerStrategy(l2Anchor);
