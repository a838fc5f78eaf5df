/**
 * @file `keepsake studio`: the page on which concepts are taught, compared and undone, on this machine.
 */
import { isatty } from "node:tty";
import { Command } from "commander";
import { KeepsakeError } from "../../../errors.ts";
import { shellPath } from "../../../shell.ts";
import { INTERRUPTED, stopSignal } from "../../exit.ts";
import { openBrowser } from "./open-browser.ts";
import { modelOnDisk } from "../../hub-model.ts";
import { wholeNumber } from "../../options.ts";
import { Output } from "../../output.ts";
import { DEFAULT_LIBRARY, MODEL_TO_BEGIN_WITH } from "../shared.ts";

interface StudioCommandOptions {
  readonly library: string;
  readonly model?: string;
  readonly yes?: boolean;
  readonly port?: number;
  readonly open: boolean;
  readonly host?: string;
  readonly token?: string;
}

const EXAMPLES = `
Examples:
  keepsake studio
  keepsake studio --library my-library --port 4321

The page is served on this machine alone and needs the secret of the printed address. Photos that you drop stay in
memory: they are never written to disk. Ctrl-C ends the studio: what is being learned stops after its step, and goes on
when the same photos are dropped again.

To reach the studio from another machine, give an address of this one and a token of at least 16 characters:
  keepsake studio --host 192.168.1.20 --token <secret> --no-open
The connection is then not encrypted: use it in networks that you trust.`;

/** The shortest token that is not guessed. */
const SHORTEST_TOKEN = 16;

export function studioCommand(): Command {
  return new Command("studio")
    .summary("teach, watch, compare and undo in the browser")
    .description("Open a local page on which you teach concepts, watch them being learned, compare, draw and undo.")
    .option("--library <folder>", "library of learned concepts (made when something is learned)", DEFAULT_LIBRARY)
    .option("--model <path>", MODEL_TO_BEGIN_WITH)
    .option("--yes", "download a model of the Hugging Face Hub without asking")
    .option("--port <number>", "port to listen on (default: 4321, or any that is free)", wholeNumber([1, 65_535]))
    .option("--no-open", "print the address and open no browser")
    .option("--host <address>", "an address of this machine by which others may reach the studio; needs --token")
    .option("--token <secret>", "the secret in the address, with --host")
    .addHelpText("after", EXAMPLES)
    .action(studio);
}

async function studio(options: StudioCommandOptions): Promise<void> {
  const { library, port, host, token } = options;
  checkHost(options);
  const model = await modelOnDisk(options.model, options.yes ?? false);
  const { startStudio } = await import("../../../studio/listen.ts");
  const output = new Output({ json: false });
  const running = await startStudio({
    library,
    ...(model !== undefined && { model }),
    ...(port !== undefined && { port }),
    ...(host !== undefined && { host }),
    ...(token !== undefined && { token }),
  });
  output.result(`The studio is at ${running.url}\nLibrary: ${shellPath(library)}. Ctrl-C ends it.`, {});
  if (options.open && isatty(1)) openBrowser(running.url);
  await stopped(stopSignal());
  const jobs = await running.close();
  if (jobs.length === 0) return;
  output.info("What was running is stopped; the training run goes on when the same photos are dropped again.");
  process.exitCode = INTERRUPTED;
}

/** Whether who starts the studio knows that others may reach it. */
function checkHost({ host, token }: StudioCommandOptions): void {
  if (host === undefined && token !== undefined) throw new KeepsakeError("usage", "--token goes with --host.");
  if (host === undefined) return;
  if (/^(?:0\.0\.0\.0|::|\*|)$/.test(host)) {
    throw new KeepsakeError("usage", `--host "${host}" is every address; name one of this machine, e.g. 192.168.1.20.`);
  }
  if (token === undefined || token.length < SHORTEST_TOKEN) {
    const fault = "--host lets other machines in, so it needs --token";
    throw new KeepsakeError("usage", `${fault} with a secret of at least ${SHORTEST_TOKEN} characters.`);
  }
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
}
