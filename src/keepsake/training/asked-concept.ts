/**
 * @file Which concept a request means: a new one, or one that the library knows, to be taught further or begun anew.
 */
import { KeepsakeError } from "../../errors.ts";
import type { Library } from "../../library/library.ts";
import { CHECKPOINT } from "../../library/model/model-profile.ts";
import { timesTaught, type Again, type ConceptEntry } from "../../library/manifest/state.ts";
import { checkReal, REAL_LIMITS } from "../../limits.ts";
import { checkClassNoun, conceptName } from "../../prompts/concept-name.ts";
import { didYouMean } from "../../prompts/nearest.ts";
import type { LearnConceptRequest } from "../learn-request.ts";

/** What a request says of its concept. */
export type Naming = Pick<LearnConceptRequest, "name" | "classNoun" | "vectors" | "more" | "replace">;

/** What is checked of a request before anything else is done. */
type Checked = Naming & Pick<LearnConceptRequest, "budget">;

/** A concept that can be taught. */
export interface AskedConcept {
  readonly name: string;
  readonly classNoun: string;
  readonly vectors: number;
  /** What becomes of it, if the library knows it. */
  readonly again?: Again | undefined;
  /** As the library knows it. */
  readonly known?: ConceptEntry | undefined;
  /** Which of its training runs this will be, if not the first since it was begun. */
  readonly round?: number | undefined;
}

/**
 * The same request with its name as the library writes it.
 *
 * @throws KeepsakeError ("usage") for a name or a class noun that a concept cannot have, options that exclude each
 *   other, or a budget that is none
 */
export function checkNaming<T extends Checked>(request: T): T {
  const name = conceptName(request.name);
  const { classNoun, more = false, replace = false, budget } = request;
  if (budget !== undefined) checkReal("The budget in seconds", budget, REAL_LIMITS.budget);
  if (more && replace) {
    const fault = "--more goes on teaching a concept, and --replace begins it anew";
    throw new KeepsakeError("usage", `${fault}; leave one of the two out.`);
  }
  if (classNoun !== undefined) checkClassNoun(classNoun);
  else if (!more && !replace) {
    throw new KeepsakeError("usage", `Say what "${name}" is with a class noun, e.g. --class cat.`);
  }
  return { ...request, name };
}

/**
 * What a request whose naming was checked means in a library. What it leaves open of a concept that is known is as it
 * was.
 *
 * @param library - undefined: there is none yet
 * @param folder - of the library, for messages
 * @param usualVectors - of a new token on its model
 * @throws KeepsakeError ("state") if the library knows the concept and the request does not say what to do with it, or
 *   the other way round; ("usage") if it is to be taught further as something else
 */
export function askedConcept(
  { name, classNoun, vectors, more = false, replace = false }: Naming,
  library: Pick<Library, "concepts"> | undefined,
  folder: string,
  usualVectors = CHECKPOINT.vectors,
): AskedConcept {
  const concepts = library?.concepts ?? [];
  const known = concepts.find((concept) => concept.name === name);
  if (known === undefined) {
    if (more || replace) throw unknown(name, more ? "--more" : "--replace", folder, concepts);
    return { name, classNoun: classNoun ?? "", vectors: vectors ?? usualVectors };
  }
  if (!more && !replace) {
    const advice = "add --more to go on teaching it, --replace to begin it anew, or choose another name";
    throw new KeepsakeError("state", `The library ${folder} already knows "${name}"; ${advice}.`);
  }
  const asked = { name, classNoun: classNoun ?? known.classNoun, vectors: vectors ?? known.vectors, known };
  if (replace) return { ...asked, again: "replaced" };
  const differing = [
    asked.classNoun === known.classNoun ? "" : `the class "${known.classNoun}"`,
    asked.vectors === known.vectors ? "" : `${known.vectors} ${known.vectors === 1 ? "vector" : "vectors"}`,
  ].filter((text) => text !== "");
  if (differing.length > 0) {
    const fault = `"${name}" was taught with ${differing.join(" and ")}, and keeps that when it is taught further`;
    throw new KeepsakeError("usage", `${fault}; leave the option out, or begin it anew with --replace.`);
  }
  return { ...asked, again: "more", round: timesTaught(known) + 1 };
}

function unknown(name: string, option: string, folder: string, concepts: readonly ConceptEntry[]): KeepsakeError {
  const names = concepts.map((concept) => concept.name);
  const advice = `leave ${option} out to teach it as a new concept`;
  const fault = `The library ${folder} does not know "${name}": ${advice}`;
  return new KeepsakeError("state", `${fault}${didYouMean(name, names) || "."}`);
}
