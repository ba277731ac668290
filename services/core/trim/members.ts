/** How far the members are: nobody needs the others' log or WAL from before the one that is furthest behind. */
import type { OriginState, PartitionState } from "../fold/state.ts";
import { TICK_GAP_MS_MAX } from "../fold/tick.ts";

export interface MemberPlace {
  readonly region: string;
  /** All up to here it has folded, for good. */
  readonly position: number;
  /** Log time since which it has told of nothing further. */
  readonly sinceMs: number;
}

export interface MembersPlace {
  /** All members that count have folded the log up to here. */
  readonly foldedByAll: number;
  /** Of those that count the one that is furthest behind, if it stands still or has far to go. */
  readonly pinnedBy: MemberPlace | undefined;
  /** Members that have told of nothing for so long that they don't count any more, or that the log is gone for. */
  readonly away: readonly MemberPlace[];
}

/** Ticks come every second; the position that they tell rises with them, also while nothing is written. */
const STILL_MS = 10_000;
const BEHIND_ENTRIES = 4_096;
/** While the log is away nobody is heard. Once it is back, everybody gets so long to speak before anybody counts as away. */
const SPEAK_AGAIN_MS = 30_000;

/**
 * The tick of a region tells a position that its database does not fall back behind: the stamp of the tick is a durable
 * commit that comes after the position was read, and what a database has committed before a durable commit is durable.
 * @param options.startedAtMs when the log was made: a member that was never heard is away since then.
 * What is known of a member may be old, and says too little of it, never too much: where the log begins after that place,
 * it is no sign that the member is lost, and the rest is kept for it until it has told of nothing for too long.
 */
export function placeMembers(
  state: Pick<PartitionState, "origins" | "logTimeMs" | "position">,
  options: { readonly awayMsMax: number; readonly startedAtMs: number },
): MembersPlace {
  const places = Object.entries(state.origins)
    .map(([region, { tick }]) => placeOf(region, tick, options.startedAtMs))
    .toSorted(compare);
  const goesOnForMs = state.logTimeMs - steadySinceMs(state);
  const mayBeAway = goesOnForMs >= Math.min(options.awayMsMax, SPEAK_AGAIN_MS);
  const isAway = ({ sinceMs }: MemberPlace) => mayBeAway && state.logTimeMs - sinceMs > options.awayMsMax;
  const last = places.find((place) => !isAway(place));
  return {
    foldedByAll: last?.position ?? 0,
    pinnedBy: last !== undefined && isPinning(last, state) ? last : undefined,
    away: places.filter(isAway),
  };
}

/** Log time since which somebody has been heard without a gap. */
function steadySinceMs({ origins, logTimeMs }: Pick<PartitionState, "origins" | "logTimeMs">): number {
  const heard = Object.values(origins).flatMap(({ tick }) =>
    tick === null || tick.isAssumed === true || logTimeMs - tick.logTimeMs > TICK_GAP_MS_MAX
      ? []
      : [tick.steadySinceMs ?? tick.logTimeMs],
  );
  return Math.min(logTimeMs, ...heard);
}

function placeOf(region: string, tick: OriginState["tick"], startedAtMs: number): MemberPlace {
  if (tick === null) return { region, position: 0, sinceMs: startedAtMs };
  return { region, position: tick.appliedPosition, sinceMs: tick.advancedAtMs ?? tick.logTimeMs };
}

/** Of two that are equally far the one that stands still for longer comes first. */
function compare(one: MemberPlace, other: MemberPlace): number {
  return one.position - other.position || one.sinceMs - other.sinceMs || (one.region < other.region ? -1 : 1);
}

function isPinning(place: MemberPlace, state: Pick<PartitionState, "logTimeMs" | "position">): boolean {
  return state.logTimeMs - place.sinceMs >= STILL_MS || state.position - place.position > BEHIND_ENTRIES;
}
