/**
 * @file Messages that come up again and again.
 */

/** Passes on each different message once. */
export function eachOnce(tell: (message: string) => void = () => undefined): (message: string) => void {
  const told = new Set<string>();
  return (message) => {
    if (!told.has(message)) tell(message);
    told.add(message);
  };
}
