/**
 * What making a log anew would do: which region's state it goes on from, what each region does then, and what is lost. A
 * decision about what the regions say of themselves; who has to be named before anything happens is part of it.
 */
import type { FoundLog } from "./judge-log.ts";

/** A region's own word about a partition, as far as its database keeps it over a crash. */
export interface RegionLogState {
  readonly region: string;
  readonly position: number;
  readonly chain: string;
  readonly cluster: string | undefined;
  readonly logEpoch: number;
  /** When the log was made that it has folded. */
  readonly logCreatedAtMs: number | undefined;
  readonly logTimeMs: number;
  /** Why it does not fold; undefined while it does. */
  readonly stopped: string | undefined;
  readonly walHead: number;
  /** By region: how far its WAL is folded here, and how far it had folded the log when it last spoke. */
  readonly origins: {
    readonly [region: string]: { readonly watermark: number; readonly appliedPosition: number };
  };
}

/** What a region does once the log is there. */
export type RegionFate = "goes-on" | "bootstrap" | "rejoin" | "unreachable";

export interface PlannedRegion {
  readonly region: string;
  /** Undefined where it could not be asked. */
  readonly state: RegionLogState | undefined;
  /** Why it could not be asked. */
  readonly problem: string | undefined;
  readonly fate: RegionFate;
  /** Of its own local operations that are in its WAL and not folded: they are proposed again. */
  readonly proposedAgain: number | undefined;
  /** How far it had folded when it was last heard; more than the new log goes on from, where something is lost. */
  readonly heardPosition: number | undefined;
}

/**
 * healthy: nobody says that anything is wrong. no-state: no region has folded anything. unreachable: regions that may have
 * folded further. disagreeing: regions that have folded different things, of which one has to be chosen. others-fold: the log
 * goes on, for some of them. unknown-region: the
 * one that was named can't be gone on from.
 */
export type RebuildRefusal =
  "healthy" | "no-state" | "unreachable" | "disagreeing" | "others-fold" | "unknown-region";

export interface RebuildPlan {
  readonly partition: number;
  readonly found: FoundLog | undefined;
  readonly regions: readonly PlannedRegion[];
  /** The region that the new log goes on from; undefined where none can be chosen. */
  readonly from: RegionLogState | undefined;
  /** Of the new log. */
  readonly epoch: number;
  /** Positions after the new beginning that some region had folded, and that nobody who counts has. */
  readonly lostPositions: number;
  /**
   * Somebody has made the log anew, and stopped before it was opened: then only that is left to do. The position that it
   * goes on from; undefined where it is to be made from the beginning.
   */
  readonly resumedAfter: number | undefined;
  /** Undefined where nothing stands against it. */
  readonly refusal: { readonly why: RebuildRefusal; readonly reason: string } | undefined;
}

export interface RebuildQuestion {
  readonly partition: number;
  readonly found: FoundLog | undefined;
  /** Of all members. */
  readonly answers: readonly {
    readonly region: string;
    readonly state: RegionLogState | undefined;
    readonly problem?: string | undefined;
  }[];
  /** Regions that nobody waits for, although they may have folded further. */
  readonly without: readonly string[];
  /** Whose past counts; undefined: that of the furthest. */
  readonly from: string | undefined;
  /** Also where the log is healthy. */
  readonly isForced: boolean;
}

export function planRebuild(question: RebuildQuestion): RebuildPlan {
  const { partition, found, answers } = question;
  const states = answers.flatMap(({ state }) => (state === undefined ? [] : [state]));
  const from = chooseFrom(states, question.from);
  const resumedAfter = positionToResume(from, found);
  const chosen = { states, from, resumedAfter };
  const regions = answers.map((answer) => plannedRegion(answer, chosen));
  const heard = regions.map(({ heardPosition }) => heardPosition ?? 0);
  return {
    partition,
    found,
    regions,
    from,
    epoch: Math.max(0, ...states.map(({ logEpoch }) => logEpoch)) + 1,
    lostPositions: from === undefined ? 0 : Math.max(0, ...heard.map((position) => position - from.position)),
    resumedAfter,
    refusal: resumedAfter === undefined ? refusalOf(question, chosen) : resumingRefusal(question, chosen),
  };
}

/** Who has folded the first entry already, or all before it, goes on with a log that is only to be opened. */
function positionToResume(from: RegionLogState | undefined, found: FoundLog | undefined): number | undefined {
  if (from === undefined || found?.isClosed !== true) return undefined;
  const after = found.firstPosition - 1;
  const hasFirst = found.lastPosition > after && from.logCreatedAtMs === found.createdAtMs;
  return from.position === after || (hasFirst && from.position === after + 1) ? after : undefined;
}

/** Whether a region folds what is there, as far as it says. */
export function isFollowing(state: RegionLogState, found: FoundLog | undefined): boolean {
  if (found === undefined || state.stopped !== undefined) return false;
  return state.logCreatedAtMs === found.createdAtMs && state.position <= found.lastPosition;
}

/** Whether the log only begins too late for a region: then nothing is wrong with the log. */
function isBehind(state: RegionLogState, found: FoundLog | undefined): boolean {
  return found !== undefined && state.position + 1 < found.firstPosition;
}

function chooseFrom(
  states: readonly RegionLogState[],
  named: string | undefined,
): RegionLogState | undefined {
  if (named !== undefined) return states.find(({ region }) => region === named);
  const folded = states.filter(({ position, cluster }) => position > 0 && cluster !== undefined);
  return folded.toSorted((one, other) => other.position - one.position || byName(one, other))[0];
}

function byName(one: { readonly region: string }, other: { readonly region: string }): number {
  return one.region < other.region ? -1 : 1;
}

interface Chosen {
  readonly states: readonly RegionLogState[];
  readonly from: RegionLogState | undefined;
  readonly resumedAfter: number | undefined;
}

function plannedRegion(answer: RebuildQuestion["answers"][number], chosen: Chosen): PlannedRegion {
  const { states, from } = chosen;
  const { region, state, problem } = answer;
  const ticks = states.map(({ origins }) => origins[region]?.appliedPosition ?? 0);
  const heardPosition = Math.max(state?.position ?? 0, ...ticks);
  const folded = from?.origins[region]?.watermark;
  return {
    region,
    state,
    problem: state === undefined ? (problem ?? "it does not answer") : undefined,
    fate: fateOf(state, chosen),
    proposedAgain:
      state === undefined || folded === undefined ? undefined : Math.max(0, state.walHead - folded),
    heardPosition: heardPosition === 0 ? undefined : heardPosition,
  };
}

function fateOf(state: RegionLogState | undefined, { from, resumedAfter }: Chosen): RegionFate {
  if (state === undefined) return "unreachable";
  if (from === undefined || state.position < (resumedAfter ?? from.position)) return "bootstrap";
  // The first entry itself says whether it goes on from what the region has folded.
  if (state.position === resumedAfter && state.cluster === from.cluster) return "goes-on";
  const isSame = state.position === from.position && state.chain === from.chain;
  return isSame && state.cluster === from.cluster ? "goes-on" : "rejoin";
}

function refusalOf(
  question: RebuildQuestion,
  { states, from }: Pick<Chosen, "states" | "from">,
): RebuildPlan["refusal"] {
  const { answers, without, found, isForced } = question;
  if (question.from !== undefined && (from === undefined || from.position === 0)) {
    const reason = `${question.from} is no region that answers and has folded anything; --from names one that does`;
    return { why: "unknown-region", reason };
  }
  if (from === undefined) return { why: "no-state", reason: "no region that answers has folded anything" };
  if (!isForced && isHealthy(states, found)) {
    const reason =
      "the regions that answer fold the log that is there: nothing has to be made anew (--force does it all the same)";
    return { why: "healthy", reason };
  }
  const silent = answers.filter(({ region, state }) => state === undefined && !without.includes(region));
  if (silent.length > 0) {
    const names = silent.map(({ region }) => region).join(", ");
    const reason = `${names} can't be asked, and may have folded further than anybody who answers: bring it back, or go on with --without ${silent[0]!.region} and lose what it alone has`;
    return { why: "unreachable", reason };
  }
  const reason = question.from === undefined ? disagreement(question, { states, from }) : undefined;
  if (reason !== undefined) return { why: "disagreeing", reason };
  const going = goingProblem(question, { states, from });
  return going === undefined ? undefined : { why: "others-fold", reason: going };
}

/** The first entry says whose past counts, once it is there; until then it is still to be chosen. */
function resumingRefusal(
  question: RebuildQuestion,
  { states, from, resumedAfter }: Chosen,
): RebuildPlan["refusal"] {
  const { found } = question;
  if (question.from !== undefined || found === undefined || found.lastPosition > resumedAfter!)
    return undefined;
  const reason = disagreement(question, { states, from });
  return reason === undefined ? undefined : { why: "disagreeing", reason };
}

function isHealthy(states: readonly RegionLogState[], found: FoundLog | undefined): boolean {
  if (found?.isClosed === true) return false;
  const isWell = (state: RegionLogState) => isFollowing(state, found) || isBehind(state, found);
  return states.every(isWell) && states.some((state) => isFollowing(state, found));
}

/**
 * Some fold the log that is there. Who goes on from one of them would find it beyond the new beginning, since it folds on
 * while the log is deleted; and what keeps the others from folding is not the log.
 */
function goingProblem(
  question: RebuildQuestion,
  { states, from }: Pick<Chosen, "states" | "from">,
): string | undefined {
  const { found, isForced } = question;
  // Nobody goes on for long with a log that takes nothing.
  if (found?.isClosed === true) return undefined;
  const following = states.filter((state) => isFollowing(state, found));
  const isChosen = question.from !== undefined || isForced;
  if (following.length === 0 || (isChosen && !following.includes(from!))) return undefined;
  const others = states.filter((state) => !following.includes(state));
  const remedy = others.length === 0 ? "" : `; "forebay region rejoin" has ${namesOf(others)} load its state`;
  return `${namesOf(following)} folds the log that is there, and goes on with it${remedy}`;
}

/** Some fold on from the log that others have folded as well, and can't go on from. */
function isForked(states: readonly RegionLogState[], found: FoundLog | undefined): boolean {
  const stopped = states.filter(
    (state) => !isFollowing(state, found) && !isBehind(state, found) && state.position > 0,
  );
  return (
    states.some((state) => isFollowing(state, found)) &&
    stopped.some(({ logCreatedAtMs }) => logCreatedAtMs === found?.createdAtMs)
  );
}

/** Why the furthest region can't be taken for right without being asked; undefined where it can. */
function disagreement(
  { found }: RebuildQuestion,
  { states, from }: Pick<Chosen, "states" | "from">,
): string | undefined {
  const furthest = from!;
  const choose = `say whose past counts with --from, and let the others load it with "forebay region rejoin"`;
  const strangers = states.filter(({ position, cluster }) => position > 0 && cluster !== furthest.cluster);
  if (strangers.length > 0)
    return `${namesOf(strangers)} and ${furthest.region} are of different clusters; ${choose}`;
  const others = states.filter(
    ({ position, chain }) => position === furthest.position && chain !== furthest.chain,
  );
  if (others.length > 0)
    return `${namesOf(others)} and ${furthest.region} have folded different entries up to ${furthest.position}; ${choose}`;
  if (!isForked(states, found)) return undefined;
  const following = states.filter((state) => isFollowing(state, found));
  const stopped = states.filter((state) => !following.includes(state) && !isBehind(state, found));
  return `${namesOf(following)} folds on from the log that ${namesOf(stopped)} can't go on from: what they have folded differs; ${choose}`;
}

function namesOf(states: readonly RegionLogState[]): string {
  return states
    .map(({ region }) => region)
    .toSorted()
    .join(", ");
}
