/**
 * The statement that commits a fold. Most folds change rows only, and pay nothing for what else a fold may do: for that there
 * are statements of their own, which do it in the same transaction once the fold is known to be the next.
 */
import type { Statement } from "./pool.ts";
import { CHANGE_MEMBERS_PARAMETERS, changeMembersSql } from "./membership.ts";
import {
  checkTailSql,
  JOIN_PARAMETERS,
  joinSql,
  LEAVE_PARAMETERS,
  leaveSql,
  TAIL_PARAMETERS,
} from "./own-wal.ts";
import { REWRITTEN_PARAMETERS, rewrittenSql } from "./changes.ts";
import { RECORD_REPAIRS_PARAMETERS, recordRepairsSql } from "./repairs.ts";

export interface CommitKind {
  /** Ids have been forgotten, and may come again while their rows are still there. */
  readonly isForgetting: boolean;
  readonly isRepairing: boolean;
  /** Records were changed without a version: they are gone, or were repaired. */
  readonly isRewriting: boolean;
  readonly isChangingMembers: boolean;
  /** Operations of the own region are folded. */
  readonly isOwn: boolean;
  /** The own region has joined, or was removed. */
  readonly isJoining: boolean;
  readonly isLeaving: boolean;
}

const FOLD_PARAMETERS = 22;
const FORGET_PARAMETERS = 2;

const statements = new Map<string, Statement>();

/** Parameters: those of the fold, of what is forgotten, of repairs, of members, of the own WAL, of joining and leaving; each only where it is asked for. */
export function commitStatement(kind: CommitKind): Statement {
  const name = nameOf(kind);
  let statement = statements.get(name);
  if (statement === undefined) {
    statement = { name, text: textOf(kind), effect: "writing" };
    statements.set(name, statement);
  }
  return statement;
}

function nameOf(kind: CommitKind): string {
  const parts = [
    kind.isForgetting && "forgetting",
    kind.isRepairing && "repairing",
    kind.isRewriting && "rewriting",
    kind.isChangingMembers && "members",
    kind.isOwn && "own",
    kind.isJoining && "joining",
    kind.isLeaving && "leaving",
  ];
  return ["commit_fold", ...parts.filter((part) => part !== false)].join("_");
}

// A fold need not be on disk when it is told: the log has it, and a database that falls back to an earlier position folds
// on from there. Whatever must not be older than what the region has told is a durable commit, and PostgreSQL flushes in
// order: rows of the WAL with what they have seen, and the stamps of ticks, which are issued after their position was read.
const WITHOUT_WAITING = "set_config('synchronous_commit', 'off', true)";
// Rows of the WAL that are numbered anew are sent at once: a crash must not take their numbers back.
const WAITING = "set_config('synchronous_commit', 'on', true)";

function textOf(kind: CommitKind): string {
  const { isForgetting, isRepairing, isRewriting, isChangingMembers, isOwn, isJoining, isLeaving } = kind;
  let next = FOLD_PARAMETERS + 1;
  const take = (count: number) => {
    next += count;
    return next - count;
  };
  const fold = parameters(1, FOLD_PARAMETERS);
  const call = isForgetting
    ? `forebay_commit_fold_forgetting(${parameters(take(FORGET_PARAMETERS), FORGET_PARAMETERS)}, ${fold})`
    : `forebay_commit_fold(${fold})`;
  const further = [
    ...(isRepairing ? [recordRepairsSql(take(RECORD_REPAIRS_PARAMETERS))] : []),
    ...(isRewriting ? [rewrittenSql(take(REWRITTEN_PARAMETERS))] : []),
    ...(isChangingMembers ? [changeMembersSql(take(CHANGE_MEMBERS_PARAMETERS))] : []),
    // Before the region leaves: from then on it asks the log for nothing, and what it has lost could not be told.
    ...(isOwn ? [checkTailSql(take(TAIL_PARAMETERS))] : []),
    ...(isJoining ? [joinSql(take(JOIN_PARAMETERS))] : []),
    ...(isLeaving ? [leaveSql(take(LEAVE_PARAMETERS))] : []),
  ];
  if (further.length === 0) return `select ${WITHOUT_WAITING}, ${call} as outcome`;
  const done = further.map(
    (sql, index) => `case when f.outcome = 'committed' then ${sql} end as done_${index}`,
  );
  return `select ${isJoining || isLeaving ? WAITING : WITHOUT_WAITING}, f.outcome, ${done.join(", ")} from (select ${call} as outcome offset 0) f`;
}

function parameters(first: number, count: number): string {
  return Array.from({ length: count }, (_, index) => `$${first + index}`).join(", ");
}
