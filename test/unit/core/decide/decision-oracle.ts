/**
 * The slow, obvious decider: plain maps, copied for every proposal, and unique values found by looking at all records.
 * Written from the architecture's definitions; nothing is shared with the fold but types.
 *
 * It takes the stamps of decisions as the fold gave them, and only insists that each is the highest so far.
 */
import type { Change } from "../../../../services/core/fields/kind.ts";
import type { JsonValue } from "../../../../services/core/json.ts";
import type { Operation } from "../../../../services/core/operation.ts";
import type {
  Condition,
  Fence,
  LeaseAction,
  Proposal,
  ProposedWrite,
} from "../../../../services/core/proposal.ts";
import type { CollectionSchema, FieldDefinition } from "../../../../services/core/schema.ts";

interface Value {
  value: JsonValue | undefined;
  origin: string;
  position: number;
  hlc: string;
}

export interface Row {
  /** By field: one value, or those that are concurrent, or the additions to a set. */
  fields: Map<string, Value[]>;
  version: number;
  isDeleted: boolean;
}

export interface Lease {
  holder: string | null;
  token: number;
  expiresAtMs: number;
}

interface Place {
  readonly origin: string;
  readonly hlc: string;
  readonly seen: number;
}

interface Rows {
  /** By `collection/key`. */
  rows: Map<string, Row>;
  leases: Map<string, Lease>;
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

export class DecisionOracle {
  state: Rows = { rows: new Map(), leases: new Map() };
  readonly schemas = new Map<string, CollectionSchema>();
  readonly #known = new Set<string>();
  #highest = "";
  #position = 0;
  #logTimeMs = 0;
  /** Log time of each region's last tick. */
  readonly #ticks = new Map<string, number>();
  /** Since when they have come without a gap. */
  readonly #steady = new Map<string, number>();
  /** Changes that were lost to a tombstone. */
  lostToTombstones = 0;

  /** The next entry of the log. */
  advance(position: number, storedAtMs: number): void {
    this.#position = position;
    if (storedAtMs > this.#logTimeMs) this.#logTimeMs = storedAtMs;
  }

  tick(origin: string): void {
    const isSteady = this.#logTimeMs - (this.#ticks.get(origin) ?? -Infinity) <= 5_000;
    if (!isSteady) this.#steady.set(origin, this.#logTimeMs);
    this.#ticks.set(origin, this.#logTimeMs);
  }

  local(origin: string, operation: Operation): string {
    const { id, collection, key, hlc, seen, changes } = operation;
    if (hlc > this.#highest) this.#highest = hlc;
    if (this.#known.has(id)) return "duplicate";
    this.#known.add(id);
    const row = structuredClone(this.state.rows.get(`${collection}/${key}`)) ?? emptyRow();
    if (row.isDeleted) {
      this.lostToTombstones += changes.length;
      return "superseded";
    }
    const results = changes.map((change) => this.#change(row, change, { origin, hlc, seen }));
    if (results.every((result) => result === "lost")) return "superseded";
    row.version = this.#position;
    this.state.rows.set(`${collection}/${key}`, row);
    return "committed";
  }

  /** @param stamp as the fold gave it; undefined where the fold has no outcome. */
  decide(proposal: Proposal, origin: string, stamp: string | undefined): string {
    if (this.#known.has(proposal.id)) return "duplicate";
    if (this.#logTimeMs > proposal.deadlineMs) return "expired";
    if (stamp === undefined) return "decided";
    if (stamp <= this.#highest) return `stamp ${stamp} is not above ${this.#highest}`;
    this.#highest = stamp;
    this.#known.add(proposal.id);
    if (proposal.fences.some((fence) => !this.#holds(fence))) return "fence";
    const { writes } = proposal;
    const place = { origin: `${origin} by the log`, hlc: stamp, seen: this.#position };
    const after = structuredClone(this.state);
    const refusal =
      firstOf(writes, (write) => this.#refusal(write)) ??
      firstOf(writes, (write) => this.#apply(after, write, place)) ??
      firstOf(writes, (_, index) => this.#clash(after, writes, index));
    if (refusal !== undefined) return refusal;
    this.state = after;
    return "committed";
  }

  #holds({ lease, token }: Fence): boolean {
    const held = this.state.leases.get(lease);
    return held !== undefined && held.token === token && this.#isHeld(held);
  }

  #isHeld({ holder, expiresAtMs }: Lease): boolean {
    return holder !== null && this.#logTimeMs <= expiresAtMs;
  }

  /** Why a write can't be, by the record as it is. */
  #refusal({ collection, key, action, condition }: ProposedWrite): string | undefined {
    if (collection === "$leases") return undefined;
    if (!this.schemas.has(collection)) return "schema";
    const row = this.state.rows.get(`${collection}/${key}`);
    const isConditionAlone = action.type === "change" && action.changes.length === 0;
    if (row === undefined && ["delete", "restore", "reclaim"].includes(action.type)) return "missing";
    if (action.type === "restore" && !row!.isDeleted) return "not-deleted";
    if (action.type !== "restore" && row?.isDeleted && !isConditionAlone) return "deleted";
    const isHidden = row?.isDeleted && action.type !== "restore";
    return condition && this.#unmet(condition, collection, isHidden ? undefined : row);
  }

  #unmet(condition: Condition, collection: string, row: Row | undefined): string | undefined {
    const { version, fields = {} } = condition;
    if (version === "*" && row === undefined) return "precondition";
    if (version === null && row !== undefined) return "precondition";
    if (typeof version === "number" && row?.version !== version) return "precondition";
    const shown = row === undefined ? {} : this.shown(collection, row);
    const field = Object.keys(fields).find((name) => !same(shown[name] ?? null, fields[name]));
    return field && `precondition ${field}`;
  }

  #apply(after: Rows, write: ProposedWrite, place: Place): string | undefined {
    const { collection, key, action } = write;
    const id = `${collection}/${key}`;
    switch (action.type) {
      case "change":
        return action.changes.length === 0 ? undefined : this.#changeAll(after, id, { write, place });
      case "delete":
        after.rows.set(id, { ...after.rows.get(id)!, version: this.#position, isDeleted: true });
        return undefined;
      case "restore": {
        const row = { ...after.rows.get(id)!, version: this.#position, isDeleted: false };
        after.rows.set(id, row);
        const isNamed = this.uniqueValues(collection, row).every((value) =>
          action.claims.some((claim) => same([claim.field, claim.value], value)),
        );
        return isNamed ? undefined : "precondition";
      }
      case "reclaim":
        return this.#reclaim(after, id, { from: action.from, to: regionOf(place) });
      default:
        return this.#lease(after, key, action);
    }
  }

  /** Whether one region has ticked for long enough, without a gap, since the other did. */
  #hasMissed(silent: string, listener: string): boolean {
    const until = this.#ticks.get(listener);
    if (until === undefined) return false;
    const since = Math.max(this.#ticks.get(silent)!, this.#steady.get(listener)!);
    return until - since >= LOST_AFTER_MS;
  }

  #reclaim(after: Rows, id: string, { from, to }: { from: string; to: string }): string | undefined {
    const spokenMs = this.#ticks.get(from);
    if (from === to || (spokenMs !== undefined && !this.#hasMissed(from, to))) return "region-alive";
    const row = after.rows.get(id)!;
    const rights = row.fields.get("seats")?.[0]?.value as Rights | undefined;
    if (!rights?.[from]) return "missing";
    const moved = { ...rights, [to]: rights[to]! + rights[from], [from]: 0 };
    row.fields.set("seats", [{ ...row.fields.get("seats")![0]!, value: moved }]);
    row.version = this.#position;
    return undefined;
  }

  #lease(after: Rows, name: string, action: LeaseAction): string | undefined {
    const lease = after.leases.get(name);
    const expiresAtMs = action.type === "release" ? 0 : this.#logTimeMs + action.ttlMs;
    if (action.type === "acquire") {
      if (lease !== undefined && this.#isHeld(lease) && lease.holder !== action.holder) return "lease-held";
      // Above the last one also where one entry grants it twice.
      const token =
        lease?.token === undefined || lease.token < this.#position ? this.#position : lease.token + 1;
      after.leases.set(name, { holder: action.holder, token, expiresAtMs });
      return undefined;
    }
    if (lease === undefined || lease.token !== action.token || !this.#isHeld(lease)) return "lease-lost";
    after.leases.set(name, { ...lease, expiresAtMs, ...(action.type === "release" && { holder: null }) });
    return undefined;
  }

  #changeAll(
    after: Rows,
    id: string,
    { write, place }: { write: ProposedWrite; place: Place },
  ): string | undefined {
    const { collection, action } = write;
    const { changes } = action as { changes: readonly Change[] };
    const { fields } = this.schemas.get(collection)!;
    const wrong = changes.find(({ field, kind, operator }) => !isFor(fields[field], kind, operator));
    if (wrong !== undefined) return `schema ${wrong.field}`;
    const row = after.rows.get(id) ?? emptyRow();
    const before = this.shown(collection, row);
    for (const change of changes) {
      // What an escrow begins at belongs to no region, and is not among its rights.
      const hasNone = row.fields.has(change.field) || change.kind === "escrow";
      const initial = hasNone ? undefined : before[change.field];
      if (initial !== undefined) row.fields.set(change.field, [{ ...place, position: 0, value: initial }]);
      if (this.#change(row, change, place) === "impossible") return `bound ${change.field}`;
    }
    row.version = this.#position;
    after.rows.set(id, row);
    const shown = this.shown(collection, row);
    for (const { field } of changes) {
      const broken = brokenRule(fields[field]!, before[field], shown[field]);
      if (broken !== undefined) return `${broken} ${field}`;
    }
    return undefined;
  }

  /** Changes the row as it is given. A loser leaves it as it was. */
  #change(
    row: Row,
    { field, kind, operator, argument }: Change,
    place: Place,
  ): "done" | "lost" | "impossible" {
    const { origin, hlc, seen } = place;
    const position = this.#position;
    const old = row.fields.get(field) ?? [];
    const write = (value: JsonValue | undefined): Value => ({ value, origin, hlc, position });
    const concurrent = old.filter((one) => one.origin !== origin && one.position > seen);
    const put = (values: Value[]) => void row.fields.set(field, values);
    const [first] = old;
    if (kind === "lww") {
      const text = (one: { hlc: string; origin: string }) => `${one.hlc} ${one.origin}`;
      if (first !== undefined && text(first) > text(place)) return "lost";
      put([write(operator === "set" ? argument : undefined)]);
    } else if (kind === "register") {
      put([...concurrent, write(argument)]);
    } else if (kind === "set") {
      const named = argument as JsonValue[];
      if (operator === "add") put([...old, ...named.map(write)]);
      else put(old.filter((one) => !named.includes(one.value!) || concurrent.includes(one)));
    } else if (kind === "escrow") {
      const rights = { ap: 0, eu: 0, us: 0, ...(first?.value as Rights | undefined) };
      const changed = changedRights(rights, {
        operator,
        amount: argument as number,
        region: regionOf(place),
      });
      // A take that lost leaves nothing but a place for rights, and that only where something else was done as well.
      put([first === undefined || changed !== undefined ? write(changed ?? rights) : first]);
      if (changed === undefined) return "lost";
    } else if (operator === "inc") {
      const sum = first?.value === undefined ? 0 : first.value;
      if (typeof sum !== "number" || !Number.isSafeInteger(sum + (argument as number))) return "impossible";
      put([write(sum + (argument as number))]);
    } else {
      put([write(operator === "set" ? argument : undefined)]);
    }
    return "done";
  }

  /** A unique value that this write takes, although another record has it or an earlier write takes it as well. */
  #clash(after: Rows, writes: readonly ProposedWrite[], index: number): string | undefined {
    const { collection, key } = writes[index]!;
    const had = (id: string) => this.uniqueValues(collection, this.state.rows.get(id));
    const has = (id: string) => this.uniqueValues(collection, after.rows.get(id));
    const id = `${collection}/${key}`;
    const isIn = (values: readonly unknown[], value: unknown) => values.some((one) => same(one, value));
    const others = [...after.rows.keys()].filter(
      (other) => other !== id && other.startsWith(`${collection}/`),
    );
    const later = new Set(writes.slice(index + 1).map((write) => `${write.collection}/${write.key}`));
    for (const value of has(id)) {
      if (isIn(had(id), value)) continue;
      const isTaken = (other: string) =>
        isIn(has(other), value) && (isIn(had(other), value) || !later.has(other));
      if (others.some(isTaken)) return `unique ${value[0]}`;
    }
    return undefined;
  }

  /** `["email", "a"]`, of a record that is not deleted. */
  uniqueValues(collection: string, row: Row | undefined): [string, JsonValue][] {
    if (row === undefined || row.isDeleted) return [];
    const { fields } = this.schemas.get(collection)!;
    const unique = Object.entries(this.shown(collection, row)).filter(([field]) => {
      const definition = fields[field]!;
      return definition.class === "authoritative" && definition.unique === true;
    });
    // By name: of several values that others have, the first is told, whatever order the schema declares them in.
    return unique.sort(([one], [other]) => (one < other ? -1 : 1));
  }

  /** As a client reads it, in the schema's order. */
  shown(collection: string, row: Row): { [field: string]: JsonValue } {
    const shown: { [field: string]: JsonValue } = {};
    for (const [field, definition] of Object.entries(this.schemas.get(collection)!.fields)) {
      const values = row.fields.get(field);
      const value = values === undefined ? initialOf(definition) : shownOf(definition, values);
      if (value !== undefined) shown[field] = value;
    }
    return shown;
  }
}

type Rights = { readonly [region: string]: number };

/** By the architecture: after so much log time without a tick, a region is lost. */
const LOST_AFTER_MS = 10_000;

function regionOf({ origin }: { origin: string }): string {
  return origin.split(" ")[0]!;
}

function changedRights(
  rights: { readonly ap: number; readonly eu: number; readonly us: number },
  { operator, amount, region }: { operator: string; amount: number; region: string },
): Rights | undefined {
  const own = rights[region as keyof typeof rights];
  if (operator === "take") return own < amount ? undefined : { ...rights, [region]: own - amount };
  if (rights.ap + rights.eu + rights.us > 0) return { ...rights, [region]: own + amount };
  const third = Math.floor(amount / 3);
  return { ap: third, eu: third, us: third, [region]: amount - 2 * third };
}

function emptyRow(): Row {
  return { fields: new Map(), version: 0, isDeleted: false };
}

function firstOf(
  writes: readonly ProposedWrite[],
  refusalOf: (write: ProposedWrite, index: number) => string | undefined,
): string | undefined {
  for (const [index, write] of writes.entries()) {
    const refusal = refusalOf(write, index);
    if (refusal === undefined) continue;
    const [code, ...field] = refusal.split(" ");
    return [code, ...(writes.length > 1 ? [`#${index}`] : []), ...field].join(" ");
  }
  return undefined;
}

function isFor(definition: FieldDefinition | undefined, kind: string, operator: string): boolean {
  if (definition === undefined) return false;
  if (definition.class === "authoritative")
    return kind === "value" && !(definition.unique && operator === "inc");
  if (kind === "escrow" && operator !== "give") return false;
  return kind === (definition.class === "lww" ? "lww" : definition.kind);
}

function initialOf(definition: FieldDefinition): JsonValue | undefined {
  if (definition.class === "merge" && definition.kind === "escrow") return definition.min;
  return definition.class === "authoritative" ? definition.initial : undefined;
}

function inOrder(one: string, other: string): number {
  return one < other ? -1 : 1;
}

function shownOf(definition: FieldDefinition, values: readonly Value[]): JsonValue | undefined {
  if (definition.class !== "merge" || definition.kind === "counter") return values[0]?.value;
  if (definition.kind === "escrow")
    return Object.values(values[0]!.value as Rights).reduce((sum, one) => sum + one, definition.min!);
  if (definition.kind === "set")
    return [...new Set(values.map(({ value }) => value as string))].toSorted(inOrder);
  const text = ({ hlc, origin }: Value) => `${hlc} ${origin}`;
  return values.toSorted((one, other) => inOrder(text(one), text(other))).map(({ value }) => value!);
}

/** The first rule that a field's new value breaks. */
function brokenRule(
  definition: FieldDefinition,
  before: JsonValue | undefined,
  after: JsonValue | undefined,
): string | undefined {
  if (definition.class !== "authoritative") return undefined;
  const { immutable, states, type, min = -Infinity, max = Infinity } = definition;
  const isOther = !same(before ?? null, after ?? null);
  if (immutable && before !== undefined && isOther) return "immutable";
  if (states !== undefined && isOther && !states[before as string]?.includes(after as string))
    return "transition";
  if (after === undefined || type === undefined) return undefined;
  const isOfType = type === "integer" ? Number.isInteger(after) : typeof after === type;
  if (!isOfType) return "schema";
  return typeof after === "number" && (after < min || after > max) ? "bound" : undefined;
}
