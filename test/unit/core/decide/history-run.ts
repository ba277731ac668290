/** Takes a history step by step: once through the fold, once through the oracle, and says what each made of it. */
import type { FoldResult } from "../../../../services/core/fold/fold.ts";
import type { LeaseState } from "../../../../services/core/fields/authoritative/lease.ts";
import { hlcFromMilliseconds } from "../../../../services/core/hlc.ts";
import { canonicalJson, type JsonValue } from "../../../../services/core/json.ts";
import type { Operation } from "../../../../services/core/operation.ts";
import type { Action, Condition, Proposal, ProposedWrite } from "../../../../services/core/proposal.ts";
import { showFields, type StoredRecord } from "../../../../services/core/record.ts";
import {
  CLAIM_FIELD,
  CLAIMS_COLLECTION,
  LEASE_FIELD,
  LEASES_COLLECTION,
} from "../../../../services/core/reserved.ts";
import { defaultsOf, type CollectionSchema } from "../../../../services/core/schema.ts";
import { DecisionOracle } from "./decision-oracle.ts";
import type { ProposalStep, Reference, Step, WriteStep } from "./histories.ts";
import { explain, TENANT, TestLog } from "./test-log.ts";
import { changesOf, COLLECTION, PEOPLE_WITH_SEATS, type Operators } from "./writes.ts";

const LATE: CollectionSchema = {
  partitionBy: "collection",
  fields: {
    email: { class: "authoritative", type: "string", unique: true },
    note: { class: "authoritative" },
    name: { class: "lww" },
  },
};
const WITH_PHONE: CollectionSchema = {
  ...PEOPLE_WITH_SEATS,
  fields: { ...PEOPLE_WITH_SEATS.fields, phone: { class: "authoritative", type: "string", unique: true } },
};

export interface Said {
  readonly fold: string;
  readonly oracle: string;
}

export class HistoryRun {
  readonly log = new TestLog({ schema: PEOPLE_WITH_SEATS });
  readonly oracle = new DecisionOracle();
  /** How often each verdict was given, by its first word. */
  readonly verdicts = new Map<string, number>();
  readonly #proposals: Proposal[] = [];
  readonly #seen = new Map<string, number>();
  /** What the log gets instead of what was proposed: makes the two disagree. */
  readonly #tamper: (proposal: Proposal) => Proposal;

  constructor(tamper: (proposal: Proposal) => Proposal = (proposal) => proposal) {
    this.#tamper = tamper;
    this.oracle.schemas.set(COLLECTION, PEOPLE_WITH_SEATS);
    this.oracle.advance(this.log.position, this.log.nowMs);
  }

  take(step: Step): Said {
    this.log.nowMs += step.waitMs;
    this.oracle.advance(this.log.position + 1, this.log.nowMs);
    const said = this.#take(step);
    return {
      fold: `${said.fold}\n${this.#folded()}`,
      oracle: `${said.oracle}\n${this.#expected()}`,
    };
  }

  #take(step: Step): Said {
    switch (step.what) {
      case "propose":
        return this.#propose(step);
      case "local":
        return this.#write(step);
      case "tick":
        this.log.tick(step.origin);
        this.oracle.tick(step.origin);
        return { fold: "", oracle: "" };
      case "spell":
        return this.#spell(step.origin, step.repeats);
      case "late":
        this.oracle.schemas.set("late", LATE);
        return { fold: this.log.schema("late", LATE), oracle: "committed" };
      case "phone":
        this.oracle.schemas.set(COLLECTION, WITH_PHONE);
        return { fold: this.log.schema(COLLECTION, WITH_PHONE), oracle: "committed" };
    }
  }

  /** One region goes on to speak for about as long as after which another that does not is lost. */
  #spell(origin: Step["origin"], repeats: number | undefined): Said {
    const everyMs = repeats === undefined ? 3_500 : 3_333;
    for (let count = 0; count < 4; count += 1) {
      this.log.nowMs += count === 0 ? 0 : everyMs;
      this.oracle.advance(this.log.position + 1, this.log.nowMs);
      this.log.tick(origin);
      this.oracle.tick(origin);
    }
    return { fold: "", oracle: "" };
  }

  #propose({ proposals: steps, origin }: Step): Said {
    const proposals = steps.map((step) => this.#proposal(step));
    this.#proposals.push(...proposals);
    const result = this.log.proposeAll(proposals.map(this.#tamper), origin);
    const outcomes = [...result.outcomes];
    const said = { fold: [] as string[], oracle: [] as string[] };
    for (const proposal of proposals) {
      // Where the fold has given no outcome, the next one belongs to another proposal.
      const outcome = outcomes[0]?.id === proposal.id ? outcomes.shift() : undefined;
      const expected = this.oracle.decide(proposal, origin, outcome?.hlc);
      said.oracle.push(expected);
      const hasNone = expected === "expired" || expected === "duplicate";
      if (outcome !== undefined) said.fold.push(explain(outcome));
      else said.fold.push(hasNone ? expected : "no outcome");
      this.#count(proposal, expected);
    }
    const { expired, duplicates } = countsOf(said.oracle);
    return {
      fold: `${said.fold.join()} ${result.counts.expired} ${result.counts.duplicates}`,
      oracle: `${said.oracle.join()} ${expired} ${duplicates}`,
    };
  }

  #count({ writes }: Proposal, verdict: string): void {
    const [code] = verdict.split(" ");
    const names = code === "committed" ? writes.map(({ action }) => action.type) : [code!];
    for (const name of names) this.verdicts.set(name, (this.verdicts.get(name) ?? 0) + 1);
  }

  #write({ origin, key, operators, behind, repeats }: Step): Said {
    const earlier = this.#proposals;
    const id = repeats === undefined ? undefined : earlier[repeats % Math.max(1, earlier.length)]?.id;
    // A region never has folded less than before.
    const seen = Math.max(this.#seen.get(origin) ?? 0, this.log.position - behind);
    this.#seen.set(origin, seen);
    const given = { key, operators: merged(operators), seen, ...(id !== undefined && { id }) };
    const result = this.log.ship(origin, given);
    const expected = this.oracle.local(origin, lastOperation(this.log));
    return { fold: saidOfLocal(result), oracle: expected };
  }

  #proposal(step: ProposalStep): Proposal {
    const { writes, deadlineMs, fence, repeats, clockMs } = step;
    const due = { deadlineMs: this.log.store.state.logTimeMs + deadlineMs };
    const earlier = this.#proposals[(repeats ?? 0) % Math.max(1, this.#proposals.length)];
    if (repeats !== undefined && earlier !== undefined) return { ...earlier, ...due };
    const token = fence && this.#token(fence.lease, fence.reference);
    const fences = fence === undefined ? [] : [{ lease: fence.lease, token: token! }];
    const hlc = hlcFromMilliseconds(this.log.nowMs + clockMs);
    return this.log.proposal(
      writes.map((write) => this.#resolve(write)),
      { ...due, fences, hlc },
    );
  }

  #resolve(step: WriteStep): ProposedWrite {
    const { collection, key } = step;
    const condition = this.#condition(step);
    const hasCondition = condition.version !== undefined || condition.fields !== undefined;
    return { collection, key, action: this.#action(step), ...(hasCondition && { condition }) };
  }

  #action({ collection, key, action, operators, reference, holder, from, ttlMs }: WriteStep): Action {
    switch (action === "toggle" ? this.#toggle(collection, key) : action) {
      case "change":
        return { type: "change", changes: changesOf(merged(operators)) };
      case "delete":
        return { type: "delete" };
      case "restore": {
        const row = this.#row(collection, key);
        const values = reference === "old" || row === undefined ? [] : this.#uniqueValues(collection, key);
        return {
          type: "restore",
          claims: values.map(([field, value]) => ({ field, value: value as string })),
        };
      }
      case "reclaim":
        return { type: "reclaim", from };
      case "acquire":
        return { type: "acquire", holder, ttlMs };
      case "renew":
        return { type: "renew", token: this.#token(key, reference), ttlMs };
      case "release":
        return { type: "release", token: this.#token(key, reference) };
    }
  }

  #toggle(collection: string, key: string): "change" | "delete" | "restore" {
    const row = this.#row(collection, key);
    if (row === undefined) return "change";
    return row.isDeleted ? "restore" : "delete";
  }

  #condition({ collection, key, version, field }: WriteStep): Condition {
    const row = this.#row(collection, key);
    const shown = row === undefined || row.isDeleted ? {} : this.oracle.shown(collection, row);
    const value = field && (field.reference === "now" ? (shown[field.name] ?? null) : "something else");
    return {
      ...(version !== undefined && { version: versionOf(version, row?.version) }),
      ...(field !== undefined && { fields: { [field.name]: value! } }),
    };
  }

  #row(collection: string, key: string) {
    return this.oracle.state.rows.get(`${collection}/${key}`);
  }

  #uniqueValues(collection: string, key: string): [string, JsonValue][] {
    return this.oracle.uniqueValues(collection, { ...this.#row(collection, key)!, isDeleted: false });
  }

  #token(lease: string, reference: "now" | "old"): number {
    const token = this.oracle.state.leases.get(lease)?.token ?? 2;
    return reference === "now" ? token : token - 1;
  }

  /** What the store holds, as text to compare. */
  #folded(): string {
    const rows: { [id: string]: unknown } = {};
    for (const record of this.log.store.records.values()) {
      const { collection, key, fields } = record;
      const name = `${collection}/${key.replaceAll("\n", "/")}`;
      if (collection === CLAIMS_COLLECTION) rows[name] = showFields(fields)[CLAIM_FIELD];
      else if (collection === LEASES_COLLECTION) rows[name] = leaseOf(record);
      else rows[name] = this.#recordOf(record);
    }
    const lost = this.log.store.conflicts.filter(({ reason }) => reason === "deleted");
    return canonicalJson({ rows, lost: lost.length });
  }

  #recordOf({ collection, fields, version, tombstone }: StoredRecord): unknown {
    const { schema } = this.log.store.state.collections[`${TENANT}\n${collection}`]!;
    return { shown: showFields(fields, defaultsOf(schema)), version, isDeleted: tombstone !== undefined };
  }

  /** What it should hold. */
  #expected(): string {
    const rows: { [id: string]: unknown } = {};
    const { state, lostToTombstones } = this.oracle;
    for (const [name, lease] of state.leases) rows[`${LEASES_COLLECTION}/${name}`] = lease;
    for (const [id, row] of state.rows) {
      const [collection, key] = id.split("/") as [string, string];
      const { version, isDeleted } = row;
      rows[id] = { shown: this.oracle.shown(collection, row), version, isDeleted };
      for (const [field, value] of this.oracle.uniqueValues(collection, row)) {
        rows[`${CLAIMS_COLLECTION}/${collection}/${field}/${JSON.stringify(value)}`] = key;
      }
    }
    return canonicalJson({ rows, lost: lostToTombstones });
  }
}

function countsOf(verdicts: readonly string[]): { expired: number; duplicates: number } {
  const times = (name: string) => verdicts.filter((verdict) => verdict === name).length;
  return { expired: times("expired"), duplicates: times("duplicate") };
}

function saidOfLocal({ outcomes, counts }: FoldResult): string {
  return counts.duplicates > 0 ? "duplicate" : outcomes[0]!.status;
}

function lastOperation({ entries }: TestLog): Operation {
  const { entry } = entries.at(-1)!;
  if (entry.kind !== "batch") throw new Error("the last entry is no batch");
  return entry.operations[0]!.operation;
}

function leaseOf({ fields }: StoredRecord): unknown {
  const { kind: _, ...lease } = fields[LEASE_FIELD] as LeaseState;
  return lease;
}

function versionOf(reference: Reference, version: number | undefined): number | null | "*" {
  switch (reference) {
    case "now":
      return version ?? null;
    case "old":
      return (version ?? 2) - 1;
    case "none":
      return null;
    case "any":
      return "*";
  }
}

/** Of several operators on one field the last one stays. */
function merged(operators: readonly Operators[]): Operators {
  const all: { [operator: string]: { [field: string]: JsonValue } } = {};
  for (const one of operators) {
    for (const [operator, fields] of Object.entries(one)) all[operator] = { ...all[operator], ...fields };
  }
  return all;
}
