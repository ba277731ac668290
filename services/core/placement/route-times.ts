/** What was measured between regions: the last samples of each pair, from both of its ends, until they are stale. */

export interface RouteSample {
  readonly roundTripMs: number;
  readonly atMs: number;
}

/** By the names of a pair. */
export type RouteTimes = ReadonlyMap<string, readonly RouteSample[]>;

export interface Pair {
  readonly one: string;
  readonly other: string;
}

export const NO_ROUTE_TIMES: RouteTimes = new Map();
/** From both ends, one look each: one that is off by far does not count. */
const SAMPLES_MAX = 5;
/** Some looks long: after that a figure says nothing of the link any more. */
export const ROUTE_STALE_AFTER_MS = 60_000;

/** A row is what one region has measured to others. */
export function observeRoutes(
  times: RouteTimes,
  row: { readonly region: string; readonly roundTripsMs: { readonly [other: string]: number } },
  nowMs: number,
): RouteTimes {
  const next = new Map(times);
  for (const [other, roundTripMs] of Object.entries(row.roundTripsMs)) {
    // A server that has not measured a route yet calls it zero.
    if (other === row.region || !(roundTripMs > 0)) continue;
    const name = nameOf({ one: row.region, other });
    const samples = [...(next.get(name) ?? []), { roundTripMs, atMs: nowMs }];
    next.set(name, samples.filter(({ atMs }) => isFresh(atMs, nowMs)).slice(-SAMPLES_MAX));
  }
  return next;
}

/** The median of the fresh samples; undefined when there are none. */
export function measuredMs(times: RouteTimes, pair: Pair, nowMs: number): number | undefined {
  const fresh = (times.get(nameOf(pair)) ?? []).filter(({ atMs }) => isFresh(atMs, nowMs));
  const sorted = fresh.map(({ roundTripMs }) => roundTripMs).sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}

function isFresh(atMs: number, nowMs: number): boolean {
  return nowMs - atMs <= ROUTE_STALE_AFTER_MS;
}

function nameOf({ one, other }: Pair): string {
  return [one, other].sort().join(" ");
}
