/** Escrows for the contract's tests: a collection that has two, and short names for what is done to them. */
import type { Entry } from "../../../services/core/entry.ts";
import { takesOf } from "../../../services/core/escrow.ts";
import type { Change } from "../../../services/core/fields/kind.ts";
import type { Rights } from "../../../services/core/fields/merge/escrow.ts";
import type { ProposedWrite } from "../../../services/core/proposal.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import type { RecordEscrows, RegionStore, WalAppend } from "../../../services/ports/region-store.ts";
import { proposal } from "./decisions.ts";
import { append, COLLECTION, NOW_MS, TENANT, UNBOUNDED } from "./operations.ts";
import { openLog, type TestLog } from "./test-log.ts";

export type Field = "seats" | "breakfasts";
export type Amounts = { readonly [Name in Field]?: number };

/** The bound says nothing about rights. The shorter name comes last, as no store's own order may have it. */
export const FLIGHTS: CollectionSchema = {
  fields: {
    note: { class: "lww" },
    seats: { class: "merge", kind: "escrow", min: -7 },
    breakfasts: { class: "merge", kind: "escrow" },
  },
};

function changesOf(operator: "give" | "take", amounts: Amounts): Change[] {
  return Object.entries(amounts).map(([field, argument]) => ({ field, kind: "escrow", operator, argument }));
}

export function give(key: string, amounts: Amounts): WalAppend {
  return append(key, changesOf("give", amounts));
}

export function take(key: string, amounts: Amounts): WalAppend {
  return taking(key, changesOf("take", amounts));
}

export function move(key: string, field: Field, { to, amount }: { to: string; amount: number }): WalAppend {
  const change = { field, kind: "escrow", operator: "move", argument: { to, amount } } as const;
  return { ...append(key, [change]), handsOver: { [field]: amount } };
}

/** As a gateway appends it: with what the changes take. */
function taking(key: string, changes: readonly Change[]): WalAppend {
  const takes = takesOf(changes);
  return { ...append(key, changes), ...(takes && { takes }) };
}

/** What the log decides of record `a`, proposed by a region. */
export function decided(log: TestLog, origin: string, action: ProposedWrite["action"]): Entry {
  return decidedOf({ log, key: "a" }, origin, action);
}

export function decidedOf(
  { log, key }: { log: TestLog; key: string },
  origin: string,
  action: ProposedWrite["action"],
): Entry {
  return { ...log.propose(proposal([{ collection: COLLECTION, key, action }])), origin };
}

export async function openFlights(store: RegionStore, partition = 0): Promise<TestLog> {
  const log = await openLog(store, partition);
  await log.fold(log.schema({ name: COLLECTION, schema: FLIGHTS }));
  return log;
}

/** Gives each region what it is to hold of a field of a record that nobody holds anything of. */
export async function hold(log: TestLog, rights: Rights, { key = "a", field = "seats" as Field } = {}) {
  const entries: Entry[] = [];
  for (const [index, [region, amount]] of Object.entries(rights).entries()) {
    // One is not split. Of what is left then, all that is given is for the region that it comes through.
    const parts = index === 0 ? [1, amount - 1] : [amount];
    for (const part of parts.filter((one) => one > 0)) {
      const changes = changesOf("give", { [field]: part });
      entries.push(decidedOf({ log, key }, region, { type: "change", changes }));
    }
  }
  await log.fold(...entries);
}

export async function read(store: RegionStore, key = "a", partition = 0): Promise<RecordEscrows["escrows"]> {
  return (await store.readEscrows({ partition, tenant: TENANT, collection: COLLECTION, key })).escrows;
}

/** `5/9`: what is left here, and of all; as a reader finds it. */
export async function leftOf(store: RegionStore, field: Field = "seats", key = "a"): Promise<string> {
  const share = (await read(store, key)).find((escrow) => escrow.field === field);
  return share === undefined ? "none" : `${share.here}/${share.total}`;
}

/** Appends, and says of each operation what became of it: `accepted 5/9`, with what is left of each field. */
export async function tell(
  store: RegionStore,
  operations: readonly WalAppend[],
  options: { partition?: number; pendingRowsMax?: number } = {},
): Promise<string[]> {
  const outcomes = await store.append({ partition: 0, operations, nowMs: NOW_MS, ...UNBOUNDED, ...options });
  return outcomes.map((outcome) => {
    if (outcome.status === "insufficient") {
      const { field, here, total } = outcome.left;
      return `insufficient ${field} ${here}/${total}`;
    }
    const left = outcome.status === "accepted" ? (outcome.left ?? []) : [];
    return [outcome.status, ...left.map(({ field, here, total }) => `${field} ${here}/${total}`)].join(" ");
  });
}
