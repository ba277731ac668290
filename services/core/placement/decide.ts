/**
 * Whether this region should ask for the leadership of a log. Decided anew at every look, by each region for itself alone:
 *
 *   leads here, or another should ──▶ stay
 *   its leader's region drains ─────▶ move, as soon as the last such move is some time ago
 *   held by an operator ────────────▶ stay
 *   clearly better, look after look, under a leader that has settled, within cool-down and budget ──▶ move
 *
 * An election lands anywhere, and figures are noisy. What keeps leadership from going round is not that figures are right:
 * each move makes the next one wait twice as long, and of an hour's budget there is no more than its number.
 */
import { rankLeaders, type Ranked, type RoundTrips } from "./quorum.ts";

export interface PlacementSettings {
  /** How long a leader has to lead before it is moved. */
  readonly settledMs: number;
  /** After a move; twice as long after each further one within the hour. */
  readonly coolDownMs: number;
  /** In a row, that have to find this region better. */
  readonly looksMin: number;
  /** Of all regions together, as far as they hear of each other. */
  readonly movesPerHourMax: number;
  /** Leadership moves for both, not for one of them. */
  readonly betterByMs: number;
  readonly betterByShare: number;
  /** Between moves away from a region that drains, which have neither budget nor hysteresis; twice as long after each. */
  readonly drainCoolDownMs: number;
}

export const PLACEMENT_DEFAULTS: PlacementSettings = {
  settledMs: 12_000,
  coolDownMs: 30_000,
  looksMin: 3,
  movesPerHourMax: 6,
  betterByMs: 5,
  betterByShare: 0.2,
  drainCoolDownMs: 2_000,
};

export interface Member {
  readonly region: string;
  /** Its server takes part in the log at the moment. */
  readonly isOnline: boolean;
  /** It answers, its replica is current, its store answers and its fold keeps up. */
  readonly isFit: boolean;
  readonly isDraining: boolean;
}

export interface PlacementObservation {
  /** Undefined during an election, or when the log can't be asked. */
  readonly leader: string | undefined;
  /** When it was elected, as the log tells it: another value is another election. */
  readonly leaderSince: number | undefined;
  /** All that hold the log, this region too. */
  readonly members: readonly Member[];
  readonly roundTripMs: RoundTrips;
  /** How long ago other regions have asked for leadership. */
  readonly othersMovedAgoMs: readonly number[];
  /** An operator has put leadership where it is, or placement is switched off. */
  readonly isHeld: boolean;
}

export interface PlacementState {
  readonly region: string;
  readonly leader: string | undefined;
  readonly leaderSince: number | undefined;
  /** Since when this region has known the leader. */
  readonly ledSinceMs: number;
  /** Looks in a row that have found this region better. */
  readonly betterLooks: number;
  /** When this region has asked for leadership; only the last hour. */
  readonly movedAtMs: readonly number[];
  readonly drainMovedAtMs: readonly number[];
}

export type StayReason =
  | "no-leader"
  | "leads-here"
  | "not-fit"
  | "another-is-better"
  | "held"
  | "good-enough"
  | "not-sure-yet"
  | "not-settled"
  | "cool-down"
  | "budget-spent";

export type MoveReason = "nearer" | "drain";

export type PlacementDecision =
  | { readonly type: "stay"; readonly reason: StayReason }
  /** Leadership is to come to this region. */
  | { readonly type: "move"; readonly reason: MoveReason };

export interface PlacementStep {
  /** A move that is decided on counts as made. */
  readonly state: PlacementState;
  readonly decision: PlacementDecision;
  /** All members, as good as they would be. */
  readonly ranking: readonly Ranked[];
}

export const HOUR_MS = 3_600_000;
/** Enough for a long doubling. */
const DRAIN_MEMORY_MS = 600_000;
const DOUBLINGS_MAX = 6;

export function initialPlacement(region: string): PlacementState {
  const nothing = { leader: undefined, leaderSince: undefined, ledSinceMs: -Infinity, betterLooks: 0 };
  return { region, ...nothing, movedAtMs: [], drainMovedAtMs: [] };
}

/** @param nowMs on a clock that never goes back. */
export function decidePlacement(
  before: PlacementState,
  observation: PlacementObservation,
  { nowMs, settings }: { nowMs: number; settings: PlacementSettings },
): PlacementStep {
  const state = forgetOld(seeLeader(before, observation, nowMs), nowMs);
  const ranking = rankMembers(observation);
  const candidate = candidacy(state, observation, ranking);
  if (candidate.type === "stay") return { state: { ...state, betterLooks: 0 }, decision: candidate, ranking };
  if (candidate.reason === "drain") {
    return { ...moveFromDraining(state, { nowMs, settings }), ranking };
  }
  const leaderMs = quorumOf(ranking, observation.leader!);
  const ownMs = quorumOf(ranking, state.region);
  if (!isClearlyBetter(ownMs, leaderMs, settings)) {
    return { state: { ...state, betterLooks: 0 }, decision: stay("good-enough"), ranking };
  }
  const counted = { ...state, betterLooks: state.betterLooks + 1 };
  const obstacle = obstacleOf(counted, observation, { nowMs, settings });
  if (obstacle !== undefined) return { state: counted, decision: stay(obstacle), ranking };
  const moved = { ...counted, betterLooks: 0, movedAtMs: [...counted.movedAtMs, nowMs] };
  return { state: moved, decision: { type: "move", reason: "nearer" }, ranking };
}

/** Whether this region is the one to act at all, and what for. */
function candidacy(
  { region }: PlacementState,
  { leader, members, isHeld }: PlacementObservation,
  ranking: readonly Ranked[],
): PlacementDecision {
  if (leader === undefined) return stay("no-leader");
  if (leader === region) return stay("leads-here");
  const eligible = members.filter((member) => member.isOnline && member.isFit && !member.isDraining);
  const isEligible = (name: string) => eligible.some((member) => member.region === name);
  if (!isEligible(region)) return stay("not-fit");
  if (ranking.find((ranked) => isEligible(ranked.region))!.region !== region)
    return stay("another-is-better");
  if (members.some((member) => member.region === leader && member.isDraining)) {
    return { type: "move", reason: "drain" };
  }
  return isHeld ? stay("held") : { type: "move", reason: "nearer" };
}

function moveFromDraining(
  state: PlacementState,
  { nowMs, settings }: { nowMs: number; settings: PlacementSettings },
): Pick<PlacementStep, "state" | "decision"> {
  const agesMs = state.drainMovedAtMs.map((atMs) => nowMs - atMs);
  if (isCoolingDown(agesMs, settings.drainCoolDownMs)) return { state, decision: stay("cool-down") };
  const drainMovedAtMs = [...state.drainMovedAtMs, nowMs];
  return { state: { ...state, drainMovedAtMs }, decision: { type: "move", reason: "drain" } };
}

/** What stands against a move to this region, which is better. */
function obstacleOf(
  state: PlacementState,
  { othersMovedAgoMs }: PlacementObservation,
  { nowMs, settings }: { nowMs: number; settings: PlacementSettings },
): StayReason | undefined {
  if (state.betterLooks < settings.looksMin) return "not-sure-yet";
  if (nowMs - state.ledSinceMs < settings.settledMs) return "not-settled";
  const ownAgesMs = state.movedAtMs.map((atMs) => nowMs - atMs);
  const agesMs = [...ownAgesMs, ...othersMovedAgoMs].filter((ageMs) => ageMs < HOUR_MS);
  if (agesMs.length >= settings.movesPerHourMax) return "budget-spent";
  return isCoolingDown(agesMs, settings.coolDownMs) ? "cool-down" : undefined;
}

function isCoolingDown(agesMs: readonly number[], baseMs: number): boolean {
  if (agesMs.length === 0) return false;
  return Math.min(...agesMs) < baseMs * 2 ** Math.min(agesMs.length - 1, DOUBLINGS_MAX);
}

function isClearlyBetter(ownMs: number, leaderMs: number, settings: PlacementSettings): boolean {
  if (ownMs === Infinity) return false;
  return leaderMs - ownMs >= Math.max(settings.betterByMs, leaderMs * settings.betterByShare);
}

/** Who does not take part answers nobody. */
function rankMembers({ members, roundTripMs }: PlacementObservation): Ranked[] {
  const offline = new Set(members.filter(({ isOnline }) => !isOnline).map(({ region }) => region));
  const names = members.map(({ region }) => region);
  return rankLeaders(names, (one, other) =>
    offline.has(one) || offline.has(other) ? Infinity : roundTripMs(one, other),
  );
}

function quorumOf(ranking: readonly Ranked[], region: string): number {
  return ranking.find((ranked) => ranked.region === region)?.quorumRoundTripMs ?? Infinity;
}

/** Clocks of regions are not compared: how long a leader has led is counted from when it was first seen. */
function seeLeader(
  state: PlacementState,
  { leader, leaderSince }: PlacementObservation,
  nowMs: number,
): PlacementState {
  const isSame = leader === state.leader && leaderSince === state.leaderSince;
  return isSame ? state : { ...state, leader, leaderSince, ledSinceMs: nowMs, betterLooks: 0 };
}

function forgetOld(state: PlacementState, nowMs: number): PlacementState {
  const movedAtMs = state.movedAtMs.filter((atMs) => nowMs - atMs < HOUR_MS);
  const drainMovedAtMs = state.drainMovedAtMs.filter((atMs) => nowMs - atMs < DRAIN_MEMORY_MS);
  return { ...state, movedAtMs, drainMovedAtMs };
}

function stay(reason: StayReason): { readonly type: "stay"; readonly reason: StayReason } {
  return { type: "stay", reason };
}
