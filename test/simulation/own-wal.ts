/** A simulated database's WAL against the log: the twin of the functions of the migrations `rejoin` and `loaded_wal`. */
import { advanceHlc, hlcMilliseconds, maxHlc, nextHlc, ZERO_HLC } from "../../services/core/hlc.ts";
import { WAL_RUN_ROWS } from "../../services/core/fold/member.ts";
import type { FoldResult } from "../../services/core/fold/fold.ts";
import {
  DisplacedError,
  LostWalError,
  WalRefusedError,
  type WalRefusal,
  type WalTail,
  type WalTrouble,
} from "../../services/ports/own-wal.ts";
import { rowsAfter, type PartitionData, type TimedRow } from "./partition-data.ts";

/** Clocks are off by less, and whoever tries again what another region has taken does so sooner. */
const FORGOTTEN_NO_MORE_AFTER_MS = 3_600_000;

/** Why nothing may be appended. */
export function refusalOf(data: PartitionData, region: string): WalRefusal | undefined {
  const { state, displaced, rejoin, walEnd } = data;
  const origin = state.origins[region];
  if (displaced !== undefined) return "displaced";
  if (rejoin !== undefined) return "rejoining";
  if (origin === undefined) return state.cluster === null ? undefined : "no-member";
  if (origin.tick?.isAssumed === true) return "joining";
  return origin.watermark > walEnd ? "lost" : undefined;
}

/** @throws {WalRefusedError} */
export function checkAppend(data: PartitionData, region: string): void {
  const refusal = refusalOf(data, region);
  if (refusal !== undefined) throw new WalRefusedError(data.state.partition, refusal);
}

/** @throws {WalRefusedError} */
export function checkStamp(data: PartitionData, region: string): void {
  const refusal = refusalOf(data, region);
  if (refusal !== undefined && refusal !== "joining")
    throw new WalRefusedError(data.state.partition, refusal);
}

export function troubleOf({ displaced, rejoin }: PartitionData): WalTrouble | undefined {
  if (displaced !== undefined) return { kind: "displaced", id: displaced };
  return rejoin === undefined ? undefined : { kind: "rejoining", id: rejoin };
}

/** @throws {LostWalError} */
export function checkTail(data: PartitionData, { operations, tick }: WalTail): void {
  if (data.rejoin !== undefined) return;
  const { walEnd, lastHlc, state } = data;
  const isUnheardOf = tick !== undefined && (tick.walHead > walEnd || tick.hlc > lastHlc);
  if (!isUnheardOf && operations.every((operation) => holds(data, operation))) return;
  throw new LostWalError(`the WAL, which ends at ${walEnd}, is not what the log has`, {
    position: state.position,
    isLoaded: false,
  });
}

function holds({ wal, walEnd }: PartitionData, operation: WalTail["operations"][number]): boolean {
  const { sequence, id, hlc } = operation;
  if (walEnd < sequence) return false;
  const row = wal.find((one) => one.sequence === sequence);
  if (row?.id === id && row.hlc === hlc) return true;
  return !wal.some((one) => one.sequence <= sequence);
}

interface Check {
  readonly region: string;
  readonly nowMs: number;
  /** The state was loaded in place of being folded. */
  readonly isLoaded: boolean;
}

/** @throws {LostWalError} @throws {DisplacedError} */
export function checkWal(data: PartitionData, { region, nowMs, isLoaded }: Check): void {
  const origin = data.state.origins[region];
  if (origin === undefined) {
    if (data.walEnd > 0 && data.state.cluster !== null)
      data.orphansAfter ??= knownTo(data, region, data.walEnd);
    return;
  }
  if (data.displaced !== undefined) throw displacedError();
  if (data.rejoin !== undefined) {
    if (data.rejoin === origin.joined) takeIn(data, { region, nowMs, id: data.rejoin });
    return;
  }
  const { position } = data.state;
  const lost = new LostWalError("the WAL is not what the state goes on from", { position, isLoaded: true });
  if (data.joined !== origin.joined) {
    if (origin.tick?.isAssumed === true) {
      data.orphansAfter ??= knownTo(data, region, data.walEnd);
      takeIn(data, { region, nowMs, id: origin.joined! });
      return;
    }
    throw data.walEnd > 0 || data.joined !== undefined ? displacedError() : lost;
  }
  const isUnheard = origin.tick === null || origin.tick.isAssumed === true;
  if (data.walEnd < origin.watermark || (!isUnheard && origin.tick.hlc > data.lastHlc)) throw lost;
  if (isLoaded && firstUnknown(data, origin.watermark) !== undefined) throw lost;
  const row = data.wal.find(({ sequence }) => sequence === origin.watermark);
  if (row === undefined) {
    const run = Math.floor(origin.watermark / WAL_RUN_ROWS) * WAL_RUN_ROWS;
    if (data.wal.some(({ sequence }) => sequence < origin.watermark && sequence > run)) throw lost;
    return;
  }
  if (!data.outcomes.has(row.id) && !mayBeForgotten(data, row)) throw lost;
}

/** Whether a row that has no outcome may have had one. */
function mayBeForgotten({ state }: PartitionData, { seen, hlc }: TimedRow): boolean {
  const { position, logTimeMs } = state.forgotten;
  return seen < position && hlcMilliseconds(hlc) <= logTimeMs + FORGOTTEN_NO_MORE_AFTER_MS;
}

function displacedError(): DisplacedError {
  return new DisplacedError("another database has taken the place of this region's");
}

interface Rejoin {
  readonly region: string;
  readonly id: string;
  readonly lost: LostWalError | undefined;
  readonly isLoaded: boolean;
}

export function startRejoin(data: PartitionData, { region, id, lost, isLoaded }: Rejoin): void {
  if (data.rejoin !== undefined) return;
  const isLate = lost?.position !== data.state.position || data.displaced !== undefined;
  if (lost !== undefined && isLate) return;
  const origin = data.state.origins[region];
  let folded = origin?.watermark ?? 0;
  if ((lost?.isLoaded ?? isLoaded) || data.joined !== origin?.joined) folded = knownTo(data, region, folded);
  data.orphansAfter ??= folded;
  data.rejoin = id;
  data.displaced = undefined;
}

/** Up to which sequence the WAL is what the log has, as far as operations tell. */
function knownTo(data: PartitionData, region: string, sequenceMax: number): number {
  const isKnown = ({ id, hlc, sequence }: (typeof data.wal)[number]) => {
    const outcome = data.outcomes.get(id);
    return sequence <= sequenceMax && outcome?.origin === region && outcome.hlc === hlc;
  };
  const unknown = firstUnknown(data, sequenceMax) ?? Infinity;
  return Math.min(unknown - 1, data.wal.findLast(isKnown)?.sequence ?? 0);
}

/** The first row that the log does not know and has not forgotten. */
function firstUnknown(data: PartitionData, sequenceMax: number): number | undefined {
  const isUnknown = (row: TimedRow) => !data.outcomes.has(row.id) && !mayBeForgotten(data, row);
  return data.wal.find((row) => row.sequence <= sequenceMax && isUnknown(row))?.sequence;
}

/** Whether the fold may be committed. @throws {DisplacedError} noted for good. */
export function checkJoin(data: PartitionData, region: string, { membership }: FoldResult): void {
  const id = membership?.joined[region]?.id;
  if (id === undefined || data.joined === id || data.rejoin !== undefined) return;
  const isNew = data.walEnd === 0 && data.joined === undefined;
  if (isNew || data.orphansAfter !== undefined) return;
  data.displaced = id;
  data.orphansAfter = data.state.origins[region]?.watermark ?? 0;
  throw displacedError();
}

/** With the fold, once it is committed. */
export function followMembership(
  data: PartitionData,
  { region, result, nowMs }: { region: string; result: FoldResult; nowMs: number },
): void {
  const { membership, state } = result;
  if (membership === undefined) return;
  if (membership.removed.includes(region)) {
    data.rejoin = undefined;
    data.displaced = undefined;
    data.orphansAfter ??= state.departed[region]!.watermark;
  }
  const joined = membership.joined[region];
  if (joined === undefined || data.joined === joined.id) return;
  if (data.rejoin !== undefined && data.rejoin !== joined.id) return;
  takeIn(data, { region, nowMs, id: joined.id });
}

function takeIn(data: PartitionData, { id, ...at }: { region: string; nowMs: number; id: string }): void {
  renumber(data, at);
  Object.assign(data, { joined: id, rejoin: undefined, orphansAfter: undefined, displaced: undefined });
}

function renumber(data: PartitionData, { region, nowMs }: { region: string; nowMs: number }): void {
  const { state, outcomes } = data;
  const origin = state.origins[region]!;
  const after = data.orphansAfter ?? 0;
  const isKnown = (id: string) => (outcomes.get(id)?.position ?? 0) > state.forgotten.position;
  const orphans = rowsAfter(data, after).filter(({ id }) => !isKnown(id));
  const isAside = (row: TimedRow) => mayBeForgotten(data, row);
  data.setAside.push(...orphans.filter(isAside));
  const issued = [data.lastHlc, origin.hlc, origin.tick?.hlc ?? ZERO_HLC].reduce(maxHlc);
  const observed = [...Object.values(state.origins).map(({ hlc }) => hlc), state.hlc];
  let hlc = nextHlc({ nowMs, lastIssued: issued, observed });
  data.lastHlc = hlc;
  data.walEnd = origin.watermark;
  const renumbered = orphans
    .filter((row) => !isAside(row))
    .map((row) => {
      data.walEnd += 1;
      data.lastHlc = hlc;
      hlc = advanceHlc(hlc, 1);
      return { ...row, sequence: data.walEnd, hlc: data.lastHlc };
    });
  const kept = data.wal.filter(({ sequence }) => sequence <= after);
  data.wal.splice(0, data.wal.length, ...kept, ...renumbered);
}
