/**
 * The third equation: accept(write) = local, if every field that it touches is of a local class; otherwise the log
 * decides. Pure validation, no reads.
 */
import { isTaking } from "../escrow.ts";
import type { Change } from "../fields/kind.ts";
import { isObject } from "../json.ts";
import type { Condition, Fence } from "../proposal.ts";
import type { CollectionSchema } from "../schema.ts";
import { planChanges } from "./changes.ts";
import { planCondition, planFence, planVersion } from "./condition.ts";
import { RefusedWriteError } from "./refused-write.ts";

export interface WritePlan {
  readonly changes: readonly Change[];
  readonly condition?: Condition;
  readonly fence?: Fence;
  /** The strongest class touched decides for the whole write. */
  readonly isAuthoritative: boolean;
  /** The client has asked for that, whatever the fields are. */
  readonly isForced: boolean;
}

/**
 * @param body operators, and next to them `if`, `fence` and `authoritative`.
 * @param version a condition that came another way, such as If-Match; as in `if`.
 * @throws {RefusedWriteError} says what is wrong and what would be right.
 */
export function planWrite(schema: CollectionSchema, body: unknown, version?: string | null): WritePlan {
  const plan = withVersion(planPart(schema, body), version);
  if (plan.isAuthoritative) refuseTakes(plan.changes);
  else refuseConditions(plan);
  if (plan.changes.length === 0) throw new RefusedWriteError("empty-write", "the write changes no field");
  return plan;
}

/** One write of a transaction, which the log decides in any case; a condition without changes is one as well. */
export function planOrderedPart(schema: CollectionSchema, body: unknown): WritePlan {
  const plan = planPart(schema, body);
  refuseTakes(plan.changes);
  return plan;
}

function planPart(schema: CollectionSchema, body: unknown): WritePlan {
  if (!isObject(body)) {
    throw new RefusedWriteError("malformed-body", "the body is a JSON object of operators");
  }
  const { if: condition, fence, authoritative, ...operators } = body;
  if (authoritative !== undefined && typeof authoritative !== "boolean") {
    throw new RefusedWriteError("malformed-body", '"authoritative" is true or false');
  }
  const changes = planChanges(schema, operators);
  const isOrdered = changes.some((change) => change.kind === "value");
  if (isOrdered && authoritative === false) {
    throw new RefusedWriteError(
      "malformed-body",
      "the write touches an authoritative field, and so is authoritative",
    );
  }
  return {
    changes,
    ...(condition !== undefined && { condition: planCondition(schema, condition) }),
    ...(fence !== undefined && { fence: planFence(fence) }),
    isAuthoritative: isOrdered || authoritative === true,
    isForced: authoritative === true,
  };
}

function withVersion(plan: WritePlan, version: string | null | undefined): WritePlan {
  if (version === undefined) return plan;
  if (plan.condition?.version !== undefined) {
    throw new RefusedWriteError("invalid-condition", 'the version is given twice: in "if" and as a header');
  }
  return { ...plan, condition: { ...plan.condition, version: planVersion(version) } };
}

/** What the log took of a region's rights, its own writes might have been promised a moment before. */
function refuseTakes(changes: readonly Change[]): void {
  const taking = changes.find(isTaking);
  if (taking === undefined) return;
  const reason = "a region takes from an escrow by its own rights, which the log can't see";
  throw new RefusedWriteError(
    "take-is-local",
    `"take" of "${taking.field}" can't be part of an authoritative write: ${reason}; take first, in a write of its own`,
    taking.field,
  );
}

function refuseConditions({ condition, fence }: WritePlan): void {
  if (condition === undefined && fence === undefined) return;
  const name = condition === undefined ? "fence" : "if";
  const reason = "a region accepts writes of lww and merge fields alone and can't decide a condition";
  throw new RefusedWriteError(
    "condition-on-local-write",
    `"${name}" needs an authoritative write: ${reason}; add "authoritative": true to have the log decide`,
  );
}
