/**
 * @file How sure a model is of what it has learned: for pictures of known concepts, how often and with what probability
 * its own classifier finds them.
 */
import type { Candidate } from "./candidate.ts";
import type { ClassifyPictureOptions, ConceptClassifier } from "./concept-classifier.ts";

/** Pictures of a concept. */
export interface ConceptPictures {
  readonly concept: string;
  /** Each `[latentChannels, height, width]`, times the VAE's scaling factor; at least one. */
  readonly latents: readonly Float32Array[];
}

export interface ConceptConfidence {
  readonly concept: string;
  readonly pictures: number;
  /** Pictures for which the concept was the most probable candidate. */
  readonly right: number;
  /** right / pictures. */
  readonly accuracy: number;
  /** Mean over the pictures of P(concept | picture). */
  readonly meanProbability: number;
}

/**
 * Asks the classifier about pictures whose concepts are known. The accuracy is that among the classifier's candidates:
 * it falls as candidates are added, and one candidate alone is always right.
 *
 * @throws RangeError for a concept that is no candidate, or without pictures
 */
export async function conceptConfidence(
  classifier: ConceptClassifier,
  heldOut: readonly ConceptPictures[],
  options: ClassifyPictureOptions = {},
): Promise<ConceptConfidence[]> {
  const results: ConceptConfidence[] = [];
  for (const { concept, latents } of heldOut) {
    const isOwn = (candidate: Candidate) => candidate.concept === concept;
    if (!classifier.candidates.some(isOwn)) throw new RangeError(`"${concept}" is not among the candidates`);
    if (latents.length === 0) throw new RangeError(`there are no pictures of "${concept}"`);
    let [right, sum] = [0, 0];
    for (const picture of latents) {
      const { probabilities, errors, candidates } = await classifier.classify(picture, options);
      const own = candidates.findIndex(isOwn);
      // Not by the probabilities: several of them may be rounded to 0 or 1.
      if (errors.every((error, i) => i === own || error > errors[own])) right++;
      sum += probabilities[own];
    }
    const pictures = latents.length;
    results.push({ concept, pictures, right, accuracy: right / pictures, meanProbability: sum / pictures });
  }
  return results;
}
