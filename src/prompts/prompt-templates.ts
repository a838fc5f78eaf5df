/**
 * @file The sentences in which a concept is shown to the model while it is learned (Gal et al. 2022; diffusers:
 * examples/textual_inversion/textual_inversion.py, `imagenet_templates_small`, less those that describe the picture's
 * size).
 */

/** `{}` stands for the concept's token. */
export const PROMPT_TEMPLATES: readonly string[] = [
  "a photo of a {}",
  "a rendering of a {}",
  "a cropped photo of the {}",
  "the photo of a {}",
  "a photo of a clean {}",
  "a photo of my {}",
  "a photo of the cool {}",
  "a close-up photo of a {}",
  "a bright photo of the {}",
  "a photo of one {}",
  "a good photo of the {}",
  "a photo of the nice {}",
  "a good photo of a {}",
  "a photo of the {}",
];

/** A template with the token in its place. */
export function fillTemplate(template: string, token: string): string {
  return template.replaceAll("{}", () => token);
}

/**
 * A sentence that also says what a photo shows beside the thing, so that the thing alone is left for its token to
 * learn.
 */
export function withCaption(sentence: string, caption: string | undefined): string {
  return caption === undefined ? sentence : `${sentence} ${caption}`;
}
