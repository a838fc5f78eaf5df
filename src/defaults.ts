/**
 * @file What a request leaves open.
 */

/** `asked` on top of `defaults`. What is `undefined` was not asked for, whether it is named or not. */
export function withDefaults<Defaults extends object, Asked extends object>(
  defaults: Defaults,
  asked: Asked,
): Defaults & Asked {
  const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
  return { ...defaults, ...given } as Defaults & Asked; // every default is there, and what is left out of `asked` was undefined
}
