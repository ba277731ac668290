/** Whether a region can fold on with the log that is there: logs that have failed, were replaced, or were made anew. */
import type { OrderedEntry } from "../entry.ts";
import { epochProblem } from "../fold/epoch.ts";
import type { PartitionState } from "../fold/state.ts";

/** What is there under the log's name. */
export interface FoundLog {
  readonly createdAtMs: number;
  /** Of an empty log, the one after `lastPosition`. */
  readonly firstPosition: number;
  readonly lastPosition: number;
  /** It was made anew, and nobody can publish to it yet. */
  readonly isClosed?: boolean;
}

/**
 * go-on: nothing is wrong. rebind: the log was made anew, and goes on exactly where this state ends.
 * behind: what the state would need next is no longer there. beyond: the log was made anew from a state that this one does
 * not go on from. failed: the log is not what was folded, or has lost some of it.
 */
export type LogVerdict =
  | { readonly kind: "go-on" | "rebind" }
  | { readonly kind: "behind" | "beyond" | "failed"; readonly reason: string };

export interface LogEvidence {
  readonly region: string;
  readonly state: PartitionState;
  /** When the log was made that the state was folded from; undefined where nothing was folded. */
  readonly boundTo: number | undefined;
  /** Undefined where there is no log. */
  readonly found: FoundLog | undefined;
  /** The first entry that is there; undefined where it was not looked at, or there is none. */
  readonly first?: Pick<OrderedEntry, "position" | "entry"> | undefined;
}

const ADVICE =
  'local writes go on; "forebay log status" shows what each region has, "forebay log rebuild" makes the log anew';

/** Whether the judgement takes the first entry of the log. */
export function isFirstEntryNeeded({ boundTo, found, state }: Omit<LogEvidence, "first">): boolean {
  if (found === undefined || boundTo === undefined || boundTo === found.createdAtMs) return false;
  return state.position > 0 && found.lastPosition >= found.firstPosition;
}

export function judgeLog(evidence: LogEvidence): LogVerdict {
  const { state, boundTo, found } = evidence;
  const name = `the log of partition ${state.partition}`;
  if (found === undefined) {
    // Whoever starts a cluster makes it.
    if (state.position === 0) return { kind: "go-on" };
    return failed(`${name} is gone: it was deleted, or its servers have lost it`);
  }
  if (state.position === 0) return judgeWithoutState(evidence, found);
  if (boundTo !== undefined && boundTo !== found.createdAtMs) return judgeOther(evidence, found, boundTo);
  if (state.position > found.lastPosition) {
    return failed(
      `${name} has lost its tail: it ends at ${found.lastPosition}, the state is folded up to ${state.position}`,
    );
  }
  return found.firstPosition > state.position + 1 ? behind(evidence, found) : { kind: "go-on" };
}

/** What a state of nothing was bound to does not matter. */
function judgeWithoutState(evidence: LogEvidence, found: FoundLog): LogVerdict {
  if (found.firstPosition > 1) return behind(evidence, found);
  const isBound = evidence.boundTo === undefined || evidence.boundTo === found.createdAtMs;
  return { kind: isBound ? "go-on" : "rebind" };
}

function judgeOther(evidence: LogEvidence, found: FoundLog, boundTo: number): LogVerdict {
  const { state, first, region } = evidence;
  const name = `the log of partition ${state.partition}`;
  const made = `was made at ${found.createdAtMs}, the state is folded from one made at ${boundTo}`;
  if (found.lastPosition < found.firstPosition)
    return failed(`${name} is empty: it ${made}. Somebody has deleted it, or a rebuild was not finished`);
  const entry = first?.entry;
  if (entry?.kind !== "epoch") {
    if (found.firstPosition > state.position + 1 && !isStranger(state, entry)) return behind(evidence, found);
    return failed(`${name} has been replaced: it ${made}, and does not go on from it`);
  }
  if (entry.cluster !== state.cluster || entry.partition !== state.partition)
    return failed(`${name} has been replaced by that of partition ${entry.partition} of another cluster`);
  if (first!.position > state.position + 1) return behind(evidence, found);
  const anew = `${name} was made anew from what ${entry.origin} had folded, up to ${first!.position - 1}`;
  const advice = `what this region holds beyond is discarded by loading its state anew: forebay region rejoin ${region}`;
  if (first!.position <= state.position) {
    const reason = `${anew}, and this region has folded up to ${state.position}; ${advice}`;
    return { kind: "beyond", reason };
  }
  const problem = epochProblem(state, entry);
  if (problem === undefined) return { kind: "rebind" };
  return { kind: "beyond", reason: `${anew}, and ${problem}; ${advice}` };
}

/** A first entry that only the log of another cluster can have. */
function isStranger(state: PartitionState, entry: OrderedEntry["entry"] | undefined): boolean {
  return entry?.kind === "genesis" && entry.cluster !== state.cluster;
}

function behind({ state, region }: LogEvidence, { firstPosition }: FoundLog): LogVerdict {
  const reason = `the log of partition ${state.partition} begins at ${firstPosition}, the state needs ${state.position + 1}: region ${region} was away for too long and needs a bootstrap; local writes go on`;
  return { kind: "behind", reason };
}

function failed(what: string): LogVerdict {
  return { kind: "failed", reason: `${what}; ${ADVICE}` };
}

/** What is known of the last entry that was folded. */
export interface LastFolded {
  readonly partition: number;
  readonly position: number;
  /** Log time there: no entry up to it was stored later. */
  readonly logTimeMs: number;
  /** Undefined where the state was loaded, and not folded here. */
  readonly checksum: string | undefined;
}

/**
 * Why the entry that the log has now where the last one was folded can't be that one; undefined where it may be. A log that
 * has lost its tail grows again, and then looks as long as it was.
 */
export function regrownProblem(
  last: LastFolded,
  found: Pick<OrderedEntry, "storedAtMs" | "checksum">,
): string | undefined {
  const { partition, position, logTimeMs, checksum } = last;
  const isSame = checksum === undefined || checksum === found.checksum;
  if (isSame && found.storedAtMs <= logTimeMs) return undefined;
  const what = isSame
    ? "was stored later than anything that this region has folded up to there"
    : "is another than the one that this region has folded there";
  return `the log of partition ${partition} has lost its tail and has grown again since: its entry at ${position} ${what}; ${ADVICE}`;
}

/** Why a log is shorter than it was, by what another region says of itself; undefined where it is not. */
export function witnessProblem(
  found: FoundLog & { readonly partition: number },
  witness: {
    readonly region: string;
    readonly position: number;
    readonly logCreatedAtMs: number | undefined;
  },
): string | undefined {
  const { region, position, logCreatedAtMs } = witness;
  if (logCreatedAtMs !== found.createdAtMs || position <= found.lastPosition) return undefined;
  return `the log of partition ${found.partition} has lost its tail: it ends at ${found.lastPosition}, and region ${region} has folded up to ${position}; ${ADVICE}`;
}
