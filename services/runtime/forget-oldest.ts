/**
 * Bounds a map by the age of its entries. A map is in order of insertion: who means the least recently used, deletes an entry
 * before setting it again.
 *
 * Many are forgotten at once, a sixteenth. A map keeps the places of what was deleted until it is next rebuilt, and looking for
 * its first entry passes them all: one at a time, that takes tens of microseconds in a large map.
 */
export const KEPT_SHARE = 15 / 16;

/** Does nothing while the map has at most so many entries. */
export function forgetOldest(entries: Map<unknown, unknown>, entriesMax: number): void {
  if (entries.size <= entriesMax) return;
  const kept = Math.ceil(entriesMax * KEPT_SHARE);
  for (const oldest of entries.keys()) {
    if (entries.size <= kept) return;
    entries.delete(oldest);
  }
}
