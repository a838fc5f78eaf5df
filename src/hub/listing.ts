/**
 * @file Asks the hub at which commit a revision is, and for the list of files at a commit (huggingface_hub:
 * `repo_info`, `list_repo_tree`).
 */
import { isObject } from "../diffusion/config/config-reader.ts";
import { KeepsakeError, shown } from "../errors.ts";
import { isCommit, type HubModel } from "../hub-cache/hub-model.ts";
import { addPage, type TreeEntry, type TreeListing } from "../hub-cache/tree-listing.ts";
import { MAX_JSON_SIZE, parseJson } from "../io/json.ts";
import { checkAnswer } from "./faults.ts";
import { get, textOfAnswer } from "./request.ts";
import { persistently } from "./retry.ts";
import { hubUrl, type HubSettings } from "./settings.ts";

/** A page holds a thousand files. */
const MOST_PAGES = 200;

/** The commit of a revision. @throws KeepsakeError as {@link listFiles} */
export async function commitOf(model: HubModel, settings: HubSettings): Promise<string> {
  if (isCommit(model.revision)) return model.revision;
  const url = hubUrl(settings, "api", "models", ...model.repo.split("/"), "revision", model.revision);
  const { json } = await askForJson(url, model, settings);
  const sha = isObject(json) ? json.sha : undefined;
  if (typeof sha === "string" && isCommit(sha)) return sha;
  const fault = `${url.host} names no commit of ${model.repo} (${shown(sha)})`;
  throw new KeepsakeError("input", `${fault}; look at HF_ENDPOINT and the proxy settings.`);
}

/**
 * The files at a commit. @throws KeepsakeError if the hub refuses, cannot be reached, or answers with something else
 */
export async function listFiles(model: HubModel, commit: string, settings: HubSettings): Promise<TreeListing> {
  const tree = new Map<string, TreeEntry>();
  const start = hubUrl(settings, "api", "models", ...model.repo.split("/"), "tree", commit);
  start.search = "recursive=true&expand=false";
  let url: URL | undefined = start;
  for (let page = 0; url !== undefined; page++) {
    if (page === MOST_PAGES) throw new KeepsakeError("input", `The list of the files of ${model.repo} does not end.`);
    const { json, next }: { json: unknown; next: URL | undefined } = await askForJson(url, model, settings);
    addPage(model.repo, json, tree);
    url = next;
  }
  return tree;
}

async function askForJson(
  url: URL,
  model: HubModel,
  settings: HubSettings,
): Promise<{ readonly json: unknown; readonly next: URL | undefined }> {
  return persistently(url, settings, async () => {
    const answer = await get(url, {}, settings);
    checkAnswer(answer, model, settings);
    const text = await textOfAnswer(answer, settings.timeout, MAX_JSON_SIZE);
    return { json: parseJson(text, `The answer of ${url.host}`), next: nextPage(answer.headers.link, url) };
  });
}

/** The address of the next page, which must be the same server's: the token goes along. */
function nextPage(link: string | string[] | undefined, from: URL): URL | undefined {
  const [, next] = /<([^>]*)>\s*;\s*rel="?next"?/.exec([link ?? ""].flat().join(", ")) ?? [];
  if (next === undefined) return undefined;
  const url = URL.canParse(next, from.href) ? new URL(next, from) : undefined;
  if (url?.origin === from.origin) return url;
  throw new KeepsakeError("environment", `${from.host} continues its list at ${shown(next)}, which is not followed.`);
}
