/**
 * @file Which of some known names a person may have meant.
 */

/** The known names that differ in at most a third of their letters, nearest first, at most `most` of them. */
export function nearest(name: string, known: Iterable<string>, most = 3): string[] {
  const asked = name.toLowerCase();
  return (
    [...known]
      // No name is nearer than the difference in length, and what is compared may be very long.
      .filter((candidate) => Math.abs(asked.length - candidate.length) <= mostEdits(asked, candidate))
      .map((candidate) => ({ candidate, distance: editDistance(asked, candidate.toLowerCase()) }))
      .filter(({ candidate, distance }) => distance <= mostEdits(asked, candidate))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, most)
      .map(({ candidate }) => candidate)
  );
}

function mostEdits(a: string, b: string): number {
  return Math.max(a.length, b.length) / 3;
}

/** "; did you mean a or b?", or nothing: to follow a message about an unknown name. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const candidates = nearest(name, known);
  return candidates.length === 0 ? "" : `; did you mean ${candidates.join(" or ")}?`;
}

/** Letters to change, add, drop or swap with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? rows[i - 2][j - 2] + 1 : Infinity;
      row.push(Math.min(change, swap, rows[i - 1][j] + 1, row[j - 1] + 1));
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}
