/** Where text goes so that none lies on another. Widths are estimates on the safe side: the font is the reader's. */

const CHARACTER_WIDTH = 0.62;
const LABEL_GAP = 8;

export function textWidth(text: string, fontSize: number): number {
  return text.length * fontSize * CHARACTER_WIDTH;
}

/**
 * Moves labels apart: as near to where they belong as the distance allows, in their order, within the bounds.
 * Too many for the bounds keep their distance and leave at the bottom.
 */
export function spread(
  wanted: readonly number[],
  { from, to, distance }: { readonly from: number; readonly to: number; readonly distance: number },
): number[] {
  const order = wanted.map((_, index) => index).sort((one, other) => wanted[one]! - wanted[other]!);
  const places = order.map((index) => wanted[index]!);
  let least = from;
  for (const [rank, place] of places.entries()) {
    places[rank] = Math.max(place, least);
    least = places[rank]! + distance;
  }
  let most = Math.max(to, from + (places.length - 1) * distance);
  for (let rank = places.length - 1; rank >= 0; rank -= 1) {
    places[rank] = Math.min(places[rank]!, most);
    most = places[rank]! - distance;
  }
  const result = [...wanted];
  for (const [rank, index] of order.entries()) result[index] = places[rank]!;
  return result;
}

export interface RowLabel {
  readonly text: string;
  /** Where it begins. */
  readonly x: number;
  /** Counted from 0, the lowest. */
  readonly row: number;
}

/** Labels in as few rows as keep them apart, moved to the left where they would leave the right edge. */
export function inRows(
  labels: readonly { readonly text: string; readonly x: number }[],
  { right, fontSize }: { readonly right: number; readonly fontSize: number },
): RowLabel[] {
  const endOfRow: number[] = [];
  return [...labels]
    .map(({ text, x }) => ({ text, x: Math.min(x, right - textWidth(text, fontSize)) }))
    .sort((one, other) => one.x - other.x)
    .map(({ text, x }) => {
      const free = endOfRow.findIndex((end) => end + LABEL_GAP <= x);
      const row = free === -1 ? endOfRow.length : free;
      endOfRow[row] = x + textWidth(text, fontSize);
      return { text, x, row };
    });
}
