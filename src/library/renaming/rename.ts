/**
 * @file Giving a concept another name. Its adapter and its embedding stay as they are, to the byte: a name is a label,
 * and no number that was learned depends on it.
 */
import { KeepsakeError } from "../../errors.ts";
import { conceptName, tokenOf } from "../../prompts/concept-name.ts";
import { changeLibrary } from "../change.ts";
import { currentState, successor } from "../manifest/manifest.ts";
import { knows } from "../manifest/state.ts";
import { refuseUnfinishedRun } from "../run/unfinished-run.ts";

export interface RenameRequest {
  /** Folder of the library. */
  readonly library: string;
  /** With or without the angle brackets that it has in prompts. */
  readonly name: string;
  /** The new name. */
  readonly to: string;
}

export interface RenameResult {
  /** The name that it had. */
  readonly from: string;
  readonly name: string;
  /** As written in prompts from now on. */
  readonly token: string;
}

/**
 * Renames a concept in the current state. Earlier states keep the old name, and an undo brings it back. The new state
 * has the files of the one before, and does not count among those that are kept.
 *
 * @throws KeepsakeError if the library does not know the concept, knows the new name already, or a run is unfinished
 */
export async function renameConcept({ library: folder, ...request }: RenameRequest): Promise<RenameResult> {
  const [from, name] = [conceptName(request.name), conceptName(request.to)];
  return changeLibrary(folder, `renaming ${from}`, async (library) => {
    const { manifest } = library;
    if (!knows(manifest, from)) {
      const known = manifest.concepts.map((concept) => `"${concept.name}"`).join(", ") || "nothing yet";
      throw new KeepsakeError("state", `${folder} does not know "${from}"; it knows ${known}.`);
    }
    if (from === name) throw new KeepsakeError("usage", `"${name}" is its name already; choose another one.`);
    if (knows(manifest, name)) {
      throw new KeepsakeError("state", `${folder} knows "${name}" already; choose another name.`);
    }
    await refuseUnfinishedRun(library);
    const token = tokenOf(name);
    const concepts = manifest.concepts.map((each) => (each.name === from ? { ...each, name, token } : each));
    const next = { ...currentState(manifest), change: { kind: "renamed" as const, concept: name, from }, concepts };
    await library.replace(successor(manifest, next));
    return { from, name, token };
  });
}
