/** The schema that the tests of decisions share, and short ways to say what a proposal writes. */
import type { Change, ChangeKind, Operator } from "../../../../services/core/fields/kind.ts";
import type { JsonValue } from "../../../../services/core/json.ts";
import type { Condition, ProposedWrite, UniqueValue } from "../../../../services/core/proposal.ts";
import { LEASES_COLLECTION } from "../../../../services/core/reserved.ts";
import type { CollectionSchema } from "../../../../services/core/schema.ts";

export const COLLECTION = "people";

/** One field for every rule, and one of every local kind that can be mixed with them. */
export const PEOPLE: CollectionSchema = {
  partitionBy: "collection",
  fields: {
    email: { class: "authoritative", type: "string", unique: true },
    badge: { class: "authoritative", type: "integer", unique: true },
    born: { class: "authoritative", type: "string", immutable: true },
    credit: { class: "authoritative", type: "integer", min: 0, max: 10 },
    status: {
      class: "authoritative",
      type: "string",
      initial: "new",
      states: { new: ["open", "closed"], open: ["closed"], closed: [] },
    },
    note: { class: "authoritative" },
    weight: { class: "authoritative", type: "number", min: -1.5, max: 1.5 },
    name: { class: "lww" },
    visits: { class: "merge", kind: "counter" },
    tags: { class: "merge", kind: "set" },
    choice: { class: "merge", kind: "register" },
  },
};

const LOCAL_KINDS: { readonly [field: string]: ChangeKind } = {
  name: "lww",
  visits: "counter",
  tags: "set",
  choice: "register",
  seats: "escrow",
};

/** With an escrow as well: tests of other rules do not want to hear of it. */
export const PEOPLE_WITH_SEATS: CollectionSchema = {
  ...PEOPLE,
  fields: { ...PEOPLE.fields, seats: { class: "merge", kind: "escrow", min: -3 } },
};

/** `{"set": {"email": "a"}, "unset": {"note": null}}` */
export type Operators = { readonly [Name in Operator]?: { readonly [field: string]: JsonValue } };

export function changesOf(operators: Operators): Change[] {
  return Object.entries(operators).flatMap(([operator, fields]) =>
    Object.entries(fields).map(([field, argument]) => {
      const kind = LOCAL_KINDS[field] ?? "value";
      return { field, kind, operator: operator as Operator, argument };
    }),
  );
}

/** Without operators it is a condition alone. */
export function change(key: string, operators: Operators, condition?: Condition): ProposedWrite {
  const action = { type: "change", changes: changesOf(operators) } as const;
  return { collection: COLLECTION, key, action, ...(condition !== undefined && { condition }) };
}

export function set(key: string, values: { readonly [field: string]: JsonValue }): ProposedWrite {
  return change(key, { set: values });
}

export function erase(key: string, condition?: Condition): ProposedWrite {
  const write = { collection: COLLECTION, key, action: { type: "delete" } } as const;
  return { ...write, ...(condition !== undefined && { condition }) };
}

export function restore(
  key: string,
  claims: readonly UniqueValue[] = [],
  condition?: Condition,
): ProposedWrite {
  const write = { collection: COLLECTION, key, action: { type: "restore", claims } } as const;
  return { ...write, ...(condition !== undefined && { condition }) };
}

/** Hands the lost region's rights over to the one that proposes it. */
export function reclaim(key: string, from: string, condition?: Condition): ProposedWrite {
  const write = { collection: COLLECTION, key, action: { type: "reclaim", from } } as const;
  return { ...write, ...(condition !== undefined && { condition }) };
}

export function acquire(lease: string, holder: string, ttlMs: number): ProposedWrite {
  return { collection: LEASES_COLLECTION, key: lease, action: { type: "acquire", holder, ttlMs } };
}

export function renew(lease: string, token: number, ttlMs: number): ProposedWrite {
  return { collection: LEASES_COLLECTION, key: lease, action: { type: "renew", token, ttlMs } };
}

export function release(lease: string, token: number): ProposedWrite {
  return { collection: LEASES_COLLECTION, key: lease, action: { type: "release", token } };
}
