/** @file Timesteps and sigmas of the schedulers for many numbers of steps. */
import { createScheduler } from "../../../src/diffusion/schedulers/index.ts";
import type { ParityCase } from "../case-kind.ts";
import type { Checks } from "../checks.ts";
import type { Fields } from "../fields.ts";

/** Whole timesteps are exact; fractional ones are stored with 4 decimals (README of the fixtures, "schedulers"). */
const fractionalTimesteps = 2e-3;
/** Relative to each sigma. */
const sigmaRule = 1e-5;

/** Options of all rows where the description does not say them. */
const commonOptions = {
  num_train_timesteps: 1000,
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: "scaled_linear",
  steps_offset: 1,
};

export function isTimestepTable(fields: Fields): boolean {
  return fields.has("table");
}

/** One case for each scheduler of the table. */
export function timestepCases(fields: Fields, prefix: string): ParityCase[] {
  const rows = fields.objects("table");
  const config = describedOptions(fields.optionalString("description") ?? "");
  const classes = new Set(rows.map((row) => row.string("scheduler")));
  return [...classes].map((className) => ({
    name: `${prefix}/${className}`,
    run: (_tree: unknown, checks: Checks) => {
      for (const row of rows) if (row.string("scheduler") === className) checkRow(row, config, checks);
    },
  }));
}

/** Compares timesteps, which must be the same where they are whole. */
export function checkTimesteps(
  checks: Checks,
  what: string,
  got: ArrayLike<number>,
  reference: ArrayLike<number>,
): void {
  // Rounded to 4 decimals, fractional timesteps may look whole in the reference.
  if ([...Array.from(got), ...Array.from(reference)].every(Number.isInteger)) {
    checks.equal(what, got, reference);
    return;
  }
  if (got.length !== reference.length) throw new Error(`${what}: ${got.length} instead of ${reference.length}`);
  const errors = Array.from(reference, (value, i) => Math.abs(got[i] - value));
  checks.add(what, Math.max(...errors), fractionalTimesteps);
}

function checkRow(row: Fields, config: Readonly<Record<string, unknown>>, checks: Checks): void {
  const className = row.string("scheduler");
  const steps = row.number("num_inference_steps");
  const spacing = row.optionalString("timestep_spacing");
  const karras = row.boolean("use_karras_sigmas", false);
  const options = { ...config, timestep_spacing: spacing, use_karras_sigmas: karras, skip_prk_steps: true };
  const what = `${steps} steps, ${spacing ?? "default"}${karras ? ", Karras" : ""}`;
  const scheduler = createScheduler(className, options, { source: what });
  scheduler.setTimesteps(steps);
  checkTimesteps(checks, `timesteps of ${what}`, scheduler.timesteps, row.numbers("timesteps"));
  if (!row.has("sigmas")) return;
  const reference = row.numbers("sigmas");
  const got = scheduler.sigmas;
  if (got?.length !== reference.length) throw new Error(`${what}: ${got?.length ?? 0} sigmas, not ${reference.length}`);
  const errors = reference.map((sigma, i) => (got[i] === sigma ? 0 : Math.abs(got[i] - sigma) / Math.abs(sigma)));
  checks.add(`sigmas of ${what}`, Math.max(...errors), sigmaRule);
}

/** The description holds the options as a Python dictionary: `other options: {'num_train_timesteps': 1000, ...}`. */
function describedOptions(description: string): Readonly<Record<string, unknown>> {
  const dictionary = /\{[^{}]*\}/.exec(description)?.[0];
  if (dictionary === undefined) return commonOptions;
  const json = dictionary
    .replaceAll("'", '"')
    .replace(/\bTrue\b/g, "true")
    .replace(/\bFalse\b/g, "false")
    .replace(/\bNone\b/g, "null");
  const options: unknown = JSON.parse(json);
  return { ...commonOptions, ...(typeof options === "object" ? options : {}) };
}
