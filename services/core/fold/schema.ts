/** Folding a schema: partition 0 decides whether it can follow the one in force, the others follow that decision. */
import { isPastDeadline } from "../decide/deadline.ts";
import type { Rejection } from "../decide/rejection.ts";
import type { SchemaEntry } from "../entry.ts";
import { own } from "../json.ts";
import type { Collection } from "../schema.ts";
import { evolutionProblems, sameSchema } from "../schema-evolution.ts";
import { placementProblems } from "../schema-problems.ts";
import { collectionId } from "./state.ts";
import { count, isKnown, recordOutcome, type FoldWork } from "./work.ts";

export function foldSchema(work: FoldWork, entry: SchemaEntry): void {
  if (isKnown(work, entry.id)) return count(work, "duplicates");
  const { state } = work;
  const before = own(state.collections, collectionId(entry.tenant, entry.name));
  const decision = schemaDecision({
    before,
    entry,
    logTimeMs: state.logTimeMs,
    partitions: state.partitions,
  });
  if (decision.next !== undefined) {
    const id = collectionId(entry.tenant, entry.name);
    work.state = { ...state, collections: { ...state.collections, [id]: decision.next } };
    work.collections.push(decision.next);
  }
  const { id, tenant, requestHash, origin } = entry;
  const outcome = {
    id,
    tenant,
    position: state.position,
    requestHash,
    origin,
    hlc: state.origins[origin]!.hlc,
  };
  const { rejection } = decision;
  recordOutcome(
    work,
    rejection === undefined
      ? { ...outcome, status: "committed" }
      : { ...outcome, status: "rejected", rejection },
  );
}

interface SchemaDecision {
  readonly next?: Collection;
  readonly rejection?: Rejection;
}

function schemaDecision(input: {
  before: Collection | undefined;
  entry: SchemaEntry;
  logTimeMs: number;
  partitions: number;
}): SchemaDecision {
  const { before, entry, logTimeMs, partitions } = input;
  if (isPastDeadline(logTimeMs, entry)) {
    return { rejection: { code: "expired", message: "the log ordered it after its deadline" } };
  }
  return entry.version === null
    ? decideSchema({ before, entry, partitions })
    : followSchema(before, entry, entry.version);
}

function decideSchema(input: {
  before: Collection | undefined;
  entry: SchemaEntry;
  partitions: number;
}): SchemaDecision {
  const { before, partitions } = input;
  const { tenant, name, schema } = input.entry;
  const unplaceable = placementProblems(schema, partitions);
  if (unplaceable.length > 0) return { rejection: { code: "schema", message: unplaceable.join("; ") } };
  if (before === undefined) return { next: { tenant, name, schema, version: 1 } };
  const problems = evolutionProblems(before.schema, schema);
  if (problems.length > 0) return { rejection: { code: "schema", message: problems.join("; ") } };
  if (sameSchema(before.schema, schema)) return {};
  return { next: { tenant, name, schema, version: before.version + 1 } };
}

function followSchema(before: Collection | undefined, entry: SchemaEntry, version: number): SchemaDecision {
  const { tenant, name, schema } = entry;
  return version > (before?.version ?? 0) ? { next: { tenant, name, schema, version } } : {};
}
