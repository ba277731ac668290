/** Folding a change of the members: who takes part from here on, and where the sequences of its WAL begin. */
import type { MemberEntry } from "../entry.ts";
import { ZERO_HASH } from "../hash.ts";
import { ZERO_HLC } from "../hlc.ts";
import { own } from "../json.ts";
import { INITIAL_ORIGIN, NO_MEMBERSHIP_CHANGE, type OriginState, type OriginTick } from "./state.ts";
import { setOrigin, type FoldWork } from "./work.ts";

/**
 * Sequences come in runs of so many. A database that takes a region's place begins a new run: nobody knows how much the
 * one before has handed out beyond what the log has seen, but it is less than this.
 */
export const WAL_RUN_ROWS = 2 ** 32;

/** Where the run after that of a watermark begins. */
export function nextRun(watermark: number): number {
  return (Math.floor(watermark / WAL_RUN_ROWS) + 1) * WAL_RUN_ROWS;
}

export function foldMember(work: FoldWork, entry: MemberEntry): void {
  switch (entry.action) {
    case "add":
      return addMember(work, entry);
    case "remove":
      return removeMember(work, entry);
    case "rejoin":
      return rejoin(work, entry);
  }
}

function addMember(work: FoldWork, { id, region }: MemberEntry): void {
  const { state } = work;
  if (own(state.origins, region) !== undefined) return;
  const before = own(state.departed, region);
  const { [region]: _, ...departed } = state.departed;
  work.state = { ...state, departed, members: [...state.members, region].toSorted() };
  const begins =
    before === undefined ? {} : { watermark: nextRun(before.watermark), epoch: before.epoch + 1 };
  join(work, { id, region, origin: { ...INITIAL_ORIGIN, ...begins } });
}

/** The last one stays: without it nobody could say anything any more. */
function removeMember(work: FoldWork, { region }: MemberEntry): void {
  const { state } = work;
  const origin = own(state.origins, region);
  if (origin === undefined || state.members.length === 1) return;
  const { [region]: _, ...origins } = state.origins;
  const { watermark, epoch } = origin;
  const departed = { ...state.departed, [region]: { watermark, epoch } };
  const members = state.members.filter((member) => member !== region);
  work.state = { ...state, origins, departed, members };
  work.changedOrigins.delete(region);
  const { removed, joined } = work.membership ?? NO_MEMBERSHIP_CHANGE;
  const { [region]: __, ...others } = joined;
  work.membership = { removed: [...new Set([...removed, region])], joined: others };
}

/** An older database of the region, and whatever it still sends, is refused from here on: it has an older epoch. */
function rejoin(work: FoldWork, { id, region }: MemberEntry): void {
  const origin = work.state.origins[region]!;
  if (origin.joined === id) return;
  const begins = { watermark: nextRun(origin.watermark), epoch: origin.epoch + 1, chain: ZERO_HASH };
  join(work, { id, region, origin: { ...origin, ...begins } });
}

function join(work: FoldWork, input: { id: string; region: string; origin: OriginState }): void {
  const { id, region, origin } = input;
  const { watermark } = origin;
  setOrigin(work, region, { ...origin, joined: id, promise: null, tick: assumedTick(work, origin) });
  const { removed, joined } = work.membership ?? NO_MEMBERSHIP_CHANGE;
  work.membership = {
    removed: removed.filter((one) => one !== region),
    joined: { ...joined, [region]: { id, watermark } },
  };
}

/** What holds until its first tick: it has folded nothing for good, and is there since now. */
function assumedTick(work: FoldWork, { tick, watermark }: OriginState): OriginTick {
  const { logTimeMs } = work.state;
  return {
    walHead: watermark,
    appliedPosition: 0,
    hlc: tick?.hlc ?? ZERO_HLC,
    software: tick?.software ?? "",
    reads: tick?.reads ?? 0,
    logTimeMs,
    steadySinceMs: logTimeMs,
    advancedAtMs: logTimeMs,
    isAssumed: true,
  };
}
