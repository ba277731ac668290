/** Which of the known names whoever wrote another one may have meant. */

/** How much of a name may be wrong. */
const WRONG_SHARE_MAX = 0.34;
const WRONG_MIN = 2;

/** @returns undefined where nothing is near. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const wordsNeeded = wordsOf(name);
  let nearest: { readonly name: string; readonly distance: number } | undefined;
  for (const candidate of known) {
    const distance = distanceBetween(name, candidate);
    if (distance < (nearest?.distance ?? Number.POSITIVE_INFINITY)) nearest = { name: candidate, distance };
  }
  const limit = Math.max(WRONG_MIN, name.replace(/^FOREBAY_/, "").length * WRONG_SHARE_MAX);
  if (nearest !== undefined && nearest.distance <= limit) return nearest.name;
  // A word was left out, as in FOREBAY_PORT.
  return known.find((candidate) => {
    const words = wordsOf(candidate);
    return wordsNeeded.length > 0 && wordsNeeded.every((word) => words.includes(word));
  });
}

function wordsOf(name: string): readonly string[] {
  return name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "" && word !== "forebay");
}

/** How many letters have to be added, taken away, replaced or swapped with their neighbour. */
export function distanceBetween(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let row = 1; row <= one.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1];
      const isSwapped =
        row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      line[column] = Math.min(
        last[column]! + 1,
        line[column - 1]! + 1,
        last[column - 1]! + (isSame ? 0 : 1),
        isSwapped ? beforeLast[column - 2]! + 1 : Number.POSITIVE_INFINITY,
      );
    }
    beforeLast = last;
    last = line;
  }
  return last[other.length]!;
}
