/**
 * The decision on a proposal: a pure function of committed state and log time, and so the same in every region.
 *
 *   fences → liveness and conditions of all records → changes under their fields' rules → unique values
 *
 * All writes of a proposal take effect, or none.
 */
import { isTaking, prepareEscrows } from "../escrow.ts";
import { own, type JsonValue } from "../json.ts";
import { decidedOrigin, type Change, type WriteContext } from "../fields/kind.ts";
import { showField, type FieldState } from "../fields/index.ts";
import type { Hlc } from "../hlc.ts";
import { recordIdText, type RecordId } from "../operation.ts";
import { isLeaseAction, type Proposal, type ProposedWrite } from "../proposal.ts";
import { expiryOf, foldChanges, showFields, type Fields, type StoredRecord } from "../record.ts";
import { isReserved, LEASE_FIELD, leaseRecord } from "../reserved.ts";
import { defaultOf, defaultsOf, kindOfField, type CollectionSchema } from "../schema.ts";
import { claimChange, settleClaims, type ClaimChange } from "./claims.ts";
import { checkCondition, checkFence } from "./condition.ts";
import { decideLease } from "./lease.ts";
import { decideReclaim } from "./reclaim.ts";
import { RejectedError, type Rejection } from "./rejection.ts";
import { checkRules } from "./rules.ts";

export interface DecisionContext {
  readonly origin: string;
  /** The stamp that the fold has given. */
  readonly stamp: Hlc;
  /** Nothing from any member can be older. */
  readonly floor: Hlc;
  readonly position: number;
  readonly logTimeMs: number;
  readonly members: readonly string[];
  /** For how long a member is known to be silent; undefined of a region that is none, or has never spoken. */
  readonly silenceMsOf: (region: string) => number | undefined;
  readonly schemaOf: (tenant: string, collection: string) => CollectionSchema | undefined;
  /** By `recordIdText`. */
  readonly recordOf: (id: string) => StoredRecord | undefined;
}

export interface Effect {
  /** By `recordIdText`; null is removed. */
  readonly records: ReadonlyMap<string, StoredRecord | null>;
  /** By write: what the client could not know, such as a lease's token or a sum; null where there is nothing. */
  readonly results: readonly JsonValue[];
}

export type Decision = { readonly effect: Effect } | { readonly rejection: Rejection };

export function decide(proposal: Proposal, context: DecisionContext): Decision {
  let index: number | undefined;
  try {
    const effect = decideAll(proposal, context, (write) => (index = write));
    return { effect };
  } catch (error) {
    if (!(error instanceof RejectedError)) throw error;
    const { code, message, field } = error;
    const isOneOfMany = index !== undefined && proposal.writes.length > 1;
    return {
      rejection: {
        code,
        message,
        ...(isOneOfMany && { write: index! }),
        ...(field !== undefined && { field }),
      },
    };
  }
}

function decideAll(
  proposal: Proposal,
  context: DecisionContext,
  onWrite: (write: number | undefined) => void,
): Effect {
  const { tenant } = proposal;
  const names = proposal.writes.map(({ collection, key }) => recordIdText({ tenant, collection, key }));
  if (new Set(names).size < names.length)
    throw new RejectedError("schema", "a record has two writes: make them one");
  for (const fence of proposal.fences) {
    const lease = context.recordOf(recordIdText(leaseRecord(tenant, fence.lease)));
    checkFence(fence, lease, context.logTimeMs);
  }
  const decisions = proposal.writes.map((write) => new WriteDecision({ tenant, write, proposal, context }));
  for (const [write, decision] of decisions.entries()) {
    onWrite(write);
    decision.check();
  }
  const records = new Map<string, StoredRecord | null>();
  const claims: ClaimChange[] = [];
  const results: JsonValue[] = [];
  for (const [write, decision] of decisions.entries()) {
    onWrite(write);
    const { record, result } = decision.apply();
    if (record !== undefined) {
      records.set(recordIdText(record), record);
      claims.push(decision.claimChange(record, write));
    }
    results.push(result);
  }
  const { recordOf, position } = context;
  for (const [id, claim] of settleClaims({ changes: claims, claimOf: recordOf, position, onWrite })) {
    records.set(id, claim);
  }
  return { records, results };
}

interface WriteResult {
  /** Undefined where the write is a condition alone. */
  readonly record: StoredRecord | undefined;
  readonly result: JsonValue;
}

const NO_SCHEMA: CollectionSchema = { fields: {} };

/** One write of a proposal, against the record as it was before all of them. */
class WriteDecision {
  readonly #write: ProposedWrite;
  readonly #proposal: Proposal;
  readonly #context: DecisionContext;
  readonly #id: RecordId;
  readonly #schema: CollectionSchema;
  readonly #before: StoredRecord | undefined;

  constructor(input: { tenant: string; write: ProposedWrite; proposal: Proposal; context: DecisionContext }) {
    const { tenant, write, proposal, context } = input;
    const { collection, key } = write;
    this.#write = write;
    this.#proposal = proposal;
    this.#context = context;
    this.#id = { tenant, collection, key };
    this.#before = context.recordOf(recordIdText(this.#id));
    this.#schema = context.schemaOf(tenant, collection) ?? NO_SCHEMA;
  }

  /** @throws {RejectedError} */
  check(): void {
    const { action, condition, collection } = this.#write;
    if (isReserved(collection) !== isLeaseAction(action)) {
      throw new RejectedError("schema", `"${collection}" takes no ${action.type}`);
    }
    if (!isReserved(collection) && Object.keys(this.#schema.fields).length === 0) {
      throw new RejectedError("schema", `there is no collection "${collection}" at this position of the log`);
    }
    const isDeleted = this.#before?.tombstone !== undefined;
    if (action.type === "restore") {
      if (this.#before === undefined) throw new RejectedError("missing", "there is no such record");
      if (!isDeleted) throw new RejectedError("not-deleted", "the record is not deleted");
    } else if (isDeleted && !(action.type === "change" && action.changes.length === 0)) {
      throw new RejectedError("deleted", "the record is deleted; restore it first");
    }
    if ((action.type === "delete" || action.type === "reclaim") && this.#before === undefined) {
      throw new RejectedError("missing", "there is no such record");
    }
    if (condition === undefined) return;
    // A restore looks at the record that is to come back.
    const present = isDeleted && action.type !== "restore" ? undefined : this.#before;
    checkCondition(condition, present, present ? showFields(present.fields, defaultsOf(this.#schema)) : {});
  }

  /** @throws {RejectedError} */
  apply(): WriteResult {
    const { action, key } = this.#write;
    const { position, stamp, origin, logTimeMs } = this.#context;
    const { ttlMs, tombstoneRetentionMs } = this.#schema;
    const version = position;
    const fields = this.#before?.fields ?? {};
    switch (action.type) {
      case "change":
        return action.changes.length === 0 ? { record: undefined, result: null } : this.#change();
      case "delete": {
        const tombstone = { hlc: stamp, origin: decidedOrigin(origin), logTimeMs };
        const expiry = expiryOf(tombstoneRetentionMs, logTimeMs);
        return { record: { ...this.#id, fields, version, tombstone, ...expiry }, result: null };
      }
      case "restore":
        return { record: { ...this.#id, fields, version, ...expiryOf(ttlMs, logTimeMs) }, result: null };
      case "reclaim": {
        const reclaimed = decideReclaim({ from: action.from, to: origin, fields, context: this.#context });
        const expiry = expiryOf(ttlMs, logTimeMs);
        const record = { ...this.#id, fields: reclaimed.fields, version, ...expiry };
        return { record, result: { fields: reclaimed.amounts } };
      }
      case "acquire":
      case "renew":
      case "release": {
        const lease = decideLease({ action, name: key, record: this.#before, position, logTimeMs });
        const { token, expiresAtMs } = lease;
        const record = { ...this.#id, fields: { [LEASE_FIELD]: lease }, version };
        return { record, result: action.type === "release" ? null : { token, expiresAtMs } };
      }
    }
  }

  #change(): WriteResult {
    const { changes } = this.#write.action as Extract<ProposedWrite["action"], { type: "change" }>;
    const { origin, stamp, position, floor } = this.#context;
    for (const change of changes) this.#checkDefinition(change);
    const write: WriteContext = {
      operation: this.#proposal.id,
      origin: decidedOrigin(origin),
      hlc: stamp,
      position,
      // The log has decided: everything before it in the log's order happened before it.
      seen: position,
    };
    const touched = [...new Set(changes.map((change) => change.field))];
    const schema = this.#schema;
    const { members } = this.#context;
    const prepared = prepareEscrows({ fields: this.#before?.fields, changes, schema, members });
    const before = withInitialValues(prepared ?? {}, schema, touched);
    const folded = foldChanges({ fields: before, floor, changes, write });
    const [loss] = folded.losses;
    if (loss !== undefined) {
      throw new RejectedError(
        "bound",
        `"${loss.field}" can't take the change: ${LIMITS[loss.reason]}`,
        loss.field,
      );
    }
    const shownBefore = showFields(before);
    const shownAfter = showFields(folded.fields);
    for (const field of touched) {
      const definition = own(this.#schema.fields, field)!;
      if (definition.class !== "authoritative") continue;
      checkRules({ field, definition, before: own(shownBefore, field), after: own(shownAfter, field) });
    }
    const sums = changes.filter(({ kind, operator }) => kind === "value" && operator === "inc");
    const result =
      sums.length === 0
        ? null
        : {
            fields: pick(
              shownAfter,
              sums.map(({ field }) => field),
            ),
          };
    const expiry = expiryOf(this.#schema.ttlMs, this.#context.logTimeMs);
    return { record: { ...this.#id, fields: folded.fields, version: position, ...expiry }, result };
  }

  /** The schema may have changed since the gateway looked. */
  #checkDefinition({ field, kind, operator }: Change): void {
    const definition = own(this.#schema.fields, field);
    if (definition === undefined || kindOfField(definition) !== kind) {
      throw new RejectedError("schema", `"${field}" is no ${kind} at this position of the log`, field);
    }
    // The rights are what the region's own pending writes were promised, which the log has yet to see.
    if (isTaking({ kind, operator })) {
      throw new RejectedError(
        "schema",
        `"${field}" is an escrow: regions take from it, and the log does not`,
        field,
      );
    }
    // Whose the sum is could not be looked up: only the values that a proposal sets are.
    if (operator === "inc" && definition.class === "authoritative" && definition.unique === true) {
      throw new RejectedError("schema", `"${field}" is unique, and so can be set, but not counted up`, field);
    }
  }

  claimChange(after: StoredRecord, write: number): ClaimChange {
    const change = claimChange({
      schema: this.#schema,
      record: this.#id,
      before: this.#before,
      after,
      write,
    });
    const { action } = this.#write;
    if (action.type !== "restore") return change;
    // Only the values that the proposal names were looked up.
    const isNamed = change.taken.every(({ field, value }) =>
      action.claims.some((claim) => claim.field === field && claim.value === value),
    );
    if (!isNamed)
      throw new RejectedError("precondition", "the deleted record has changed meanwhile; try again");
    return change;
  }
}

const LIMITS: { readonly [reason: string]: string } = {
  overflow: "the sum would be no safe integer, or the field holds no number",
  full: "the field is full",
  kind: "it holds values of another kind",
};

/**
 * The touched authoritative fields, as rules and sums begin with them: what is set, also if it was written when the field
 * was still last-write-wins; otherwise what the definition says.
 */
function withInitialValues(fields: Fields, schema: CollectionSchema, names: readonly string[]): Fields {
  const prepared: { [field: string]: FieldState } = { ...fields };
  for (const field of names) {
    const definition = own(schema.fields, field);
    if (definition?.class !== "authoritative") continue;
    const state = own(fields, field);
    const shown = state && showField(state);
    // A null that was set is a value like any other.
    const value = shown === undefined ? defaultOf(definition) : shown;
    if (value !== undefined) prepared[field] = { kind: "value", value };
    else delete prepared[field];
  }
  return prepared;
}

function pick(shown: { readonly [field: string]: JsonValue }, fields: readonly string[]) {
  return Object.fromEntries(fields.map((field) => [field, own(shown, field) ?? null]));
}
