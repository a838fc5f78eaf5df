/**
 * @file `npm run bench`: times the UNet of Stable Diffusion 1.x on this machine. See README.md in this folder.
 */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Option } from "commander";
import { atLeastOne, readArguments, tool } from "../scripts/tool.ts";
import { PROVIDERS, type Provider } from "../src/graph/index.ts";
import { writeFileAtomic } from "../src/io/atomic.ts";
import { chosenCases } from "./chosen-cases.ts";
import { compareResults, formatComparison, measureAgainst, readResults } from "./against.ts";
import { CASES, type BenchCase, type CaseResult, type RunSettings } from "./cases.ts";
import { compareEstimates } from "./estimates.ts";
import { compareFormats } from "./formats.ts";
import { measureCase } from "./measure.ts";
import { profileCase } from "./profile.ts";
import { randomUNetFolder } from "./random-checkpoint.ts";
import { formatTable, machineFacts, settingsFact } from "./report.ts";
import { benchSmallModels } from "./small-models.ts";
import { soakStudio } from "./studio-soak.ts";

interface BenchOptions {
  readonly case: string;
  readonly runs: number;
  readonly provider: Provider;
  readonly weights: RunSettings["placement"];
  readonly threads: number;
  readonly estimates: boolean;
  readonly formats: boolean;
  readonly small: boolean;
  readonly studio: boolean;
  readonly profile: boolean;
  readonly json?: string;
  readonly against?: string;
  readonly cache: string;
}

const MODES = ["estimates", "formats", "profile", "small", "studio"] as const;

/** What is measured in the place of the cases: one thing at a time. */
function mode(name: (typeof MODES)[number], description: string): Option {
  return new Option(`--${name}`, description).default(false).conflicts(MODES.filter((other) => other !== name));
}

const command = tool(
  "Times the UNet of Stable Diffusion 1.x with random weights: forward pass and LoRA training step.",
  "npm run bench --",
)
  .option(
    "--case <substring>",
    `only the case of this name, or those whose name has it in it: ${CASES.map(({ name }) => name).join(", ")}`,
    "",
  )
  .option("--runs <n>", "timed runs of each case", atLeastOne, 5)
  .addOption(new Option("--provider <name>", "execution provider").choices(PROVIDERS).default("cpu"))
  .addOption(
    new Option("--weights <how>", "weights used in their file, or copied and reordered by the runtime")
      .choices(["mapped", "packed"])
      .default("mapped"),
  )
  .option("--threads <n>", "threads of one operator", atLeastOne, availableParallelism())
  .addOption(
    mode("estimates", "compare what a plan says of training runs with what they take; --case chooses among them"),
  )
  .addOption(mode("formats", "compare a folder with a single file, and open, train and draw at the size of SDXL"))
  .addOption(mode("profile", "where the time of a case goes, by operator and shapes"))
  .addOption(mode("small", "full training, LoRA training and prediction at the size of the built-in model"))
  .addOption(mode("studio", "soak the studio: requests, pages that watch and a training run at once"))
  .addOption(
    new Option("--json <file>", "also write everything measured to a file").conflicts(["small", "studio", "profile"]),
  )
  .addOption(
    new Option(
      "--against <file>",
      "compare with what --json wrote on this kind of machine, and fail where a case is still worse in its third process",
    ).conflicts([...MODES]),
  )
  .option(
    "--cache <folder>",
    "where the random weights are kept (5.2 GB)",
    fileURLToPath(new URL(".cache", import.meta.url)),
  );

async function bench(options: BenchOptions): Promise<void> {
  if (options.studio) {
    await soakStudio({ requests: 10_000, pages: 20 });
    return;
  }
  if (options.small) {
    await benchSmallModels(options);
    return;
  }
  if (options.estimates) {
    await compareEstimates(options);
    return;
  }
  if (options.formats) {
    await compareFormats(options);
    return;
  }
  const chosen = chosenCases(CASES, options.case);
  const { runs, provider, weights: placement, threads } = options;
  const names = chosen.map(({ name }) => name);
  const settings: RunSettings = { runs, provider, placement, threads };
  const earlier =
    options.against === undefined ? undefined : await readResults(options.against, names, settingsFact(settings));
  const facts = await machineFacts(settings);
  for (const [name, fact] of Object.entries(facts)) console.log(`${name}: ${fact}`);
  console.log();

  const rows: { benchCase: BenchCase; result: CaseResult }[] = [];
  if (options.profile) {
    for (const benchCase of chosen) {
      console.log(`## ${benchCase.name}`);
      await profileCase(benchCase, settings, await randomUNetFolder(options.cache, benchCase.weights));
    }
    return;
  }
  for (const benchCase of chosen) {
    // Progress goes beside the results, so that these may be redirected into a file.
    console.error(`${benchCase.name} ...`);
    const unetFolder = await randomUNetFolder(options.cache, benchCase.weights);
    const measure = () => measureCase({ benchCase, settings, unetFolder });
    rows.push({ benchCase, result: await measureAgainst(earlier?.results ?? [], measure) });
  }
  console.log(formatTable(rows));
  if (options.json !== undefined) {
    const report = {
      machine: facts,
      results: rows.map(({ benchCase, result }) => ({ ...result, marks: benchCase.marks })),
    };
    await writeFileAtomic(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
  }
  if (earlier === undefined) return;
  if (earlier.cpu !== facts.CPU) console.log(`\nThe earlier results are of another processor: ${earlier.cpu}`);
  const results = rows.map(({ result }) => result);
  const compared = compareResults(earlier.results, results);
  console.log(`\n${formatComparison(compared)}`);
  if (compared.some(({ isWorse }) => isWorse)) process.exitCode = 1;
}

await bench(readArguments(command).opts<BenchOptions>());
