/**
 * The statement that commits a fold. Most folds change rows only, and pay nothing for what else a fold may do: for that there
 * are statements of their own, which do it in the same transaction once the fold is known to be the next.
 */
import type { Statement } from "./pool.ts";
import { CHANGE_MEMBERS_PARAMETERS, changeMembersSql } from "./membership.ts";
import { RECORD_REPAIRS_PARAMETERS, recordRepairsSql } from "./repairs.ts";

export interface CommitKind {
  /** Ids have been forgotten, and may come again while their rows are still there. */
  readonly isForgetting: boolean;
  readonly isRepairing: boolean;
  readonly isChangingMembers: boolean;
}

const FOLD_PARAMETERS = 22;
const FORGET_PARAMETERS = 2;

const statements = new Map<string, Statement>();

/** Parameters: those of the fold, of what is forgotten, of repairs, of members; each only where it is asked for. */
export function commitStatement(kind: CommitKind): Statement {
  const name = nameOf(kind);
  let statement = statements.get(name);
  if (statement === undefined) {
    statement = { name, text: textOf(kind), effect: "writing" };
    statements.set(name, statement);
  }
  return statement;
}

function nameOf({ isForgetting, isRepairing, isChangingMembers }: CommitKind): string {
  const parts = [isForgetting && "forgetting", isRepairing && "repairing", isChangingMembers && "members"];
  return ["commit_fold", ...parts.filter((part) => part !== false)].join("_");
}

// A fold need not be on disk when it is told: the log has it, and a database that falls back to an earlier position folds
// on from there. Whatever must not be older than what the region has told is a durable commit, and PostgreSQL flushes in
// order: rows of the WAL with what they have seen, and the stamps of ticks, which are issued after their position was read.
const WITHOUT_WAITING = "set_config('synchronous_commit', 'off', true)";

function textOf({ isForgetting, isRepairing, isChangingMembers }: CommitKind): string {
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
    ...(isChangingMembers ? [changeMembersSql(take(CHANGE_MEMBERS_PARAMETERS))] : []),
  ];
  if (further.length === 0) return `select ${WITHOUT_WAITING}, ${call} as outcome`;
  const done = further.map(
    (sql, index) => `case when f.outcome = 'committed' then ${sql} end as done_${index}`,
  );
  return `select ${WITHOUT_WAITING}, f.outcome, ${done.join(", ")} from (select ${call} as outcome offset 0) f`;
}

function parameters(first: number, count: number): string {
  return Array.from({ length: count }, (_, index) => `$${first + index}`).join(", ");
}
