/**
 * @file The state of the studio, its events, the models, and names as they are typed.
 */
import { Hono } from "hono";
import { KeepsakeError } from "../../errors.ts";
import { checkpointFolder } from "../../library/model/model-folder.ts";
import { checkClassNoun, conceptName } from "../../prompts/concept-name.ts";
import { classNounWarning, readKnownWords } from "../../prompts/known-words.ts";
import type { Fault, NamesCheck } from "../api.ts";
import { readJsonBody } from "../body.ts";
import { Fields } from "../job-requests.ts";
import { folderOfModel, listModels } from "../models.ts";
import type { Studio } from "../studio.ts";

export function libraryRoutes(studio: Studio): Hono {
  const routes = new Hono();
  routes.get("/state", async (context) => context.json(await studio.state()));
  routes.get("/events", (context) => {
    const after = context.req.header("last-event-id") ?? context.req.query("after");
    return studio.events.stream(after === undefined ? undefined : Number(after));
  });
  routes.get("/models", async (context) => context.json(await listModels()));
  routes.post("/names/check", async (context) => {
    const read = new Fields(await readJsonBody(context));
    return context.json(await checkNames(studio, read.text("name"), read.text("classNoun")));
  });
  return routes;
}

/** What is empty has not been typed yet, and is no fault. */
async function checkNames(studio: Studio, name: string, classNoun: string): Promise<NamesCheck> {
  const ofName = name.trim() === "" ? undefined : faultIn(() => conceptName(name));
  const ofNoun =
    classNoun.trim() === ""
      ? undefined
      : faultIn(() => {
          checkClassNoun(classNoun);
        });
  const known = (await studio.conceptNames()).find((each) => [each, `<${each}>`].includes(name.trim()));
  const note = ofNoun === undefined && classNoun.trim() !== "" ? await nounWarning(studio, classNoun) : undefined;
  return {
    ...(known !== undefined && { known }),
    ...(ofName !== undefined && { name: ofName }),
    ...(ofNoun !== undefined && { classNoun: ofNoun }),
    ...(note !== undefined && { note }),
  };
}

function faultIn(check: () => void): Fault | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (!(error instanceof KeepsakeError)) throw error;
    return { kind: error.kind, message: error.message };
  }
}

async function nounWarning(studio: Studio, classNoun: string): Promise<string | undefined> {
  const { model } = await studio.modelFacts();
  const folder = await folderOfModel(model.model).catch(() => undefined);
  const words = folder === undefined ? undefined : await readKnownWords(checkpointFolder(folder));
  return words && classNounWarning(classNoun, words);
}
