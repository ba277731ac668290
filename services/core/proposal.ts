/** A proposal: a write that the log decides on, at one position before its deadline or never (I7). */
import type { Change } from "./fields/kind.ts";
import type { Hlc } from "./hlc.ts";
import type { JsonScalar, JsonValue } from "./json.ts";

/** What must hold of a record for the whole proposal to take effect. */
export interface Condition {
  /** The record's version; `null`: there is no such record; `"*"`: there is one. */
  readonly version?: number | null | "*";
  /** Values as a client reads them; `null` where nothing is shown. */
  readonly fields?: { readonly [field: string]: JsonValue };
}

/** A unique value of one field. */
export interface UniqueValue {
  readonly field: string;
  readonly value: JsonScalar;
}

export type Action =
  /** Without changes it is a condition alone. */
  | { readonly type: "change"; readonly changes: readonly Change[] }
  | { readonly type: "delete" }
  /** `claims`: the unique values of the deleted record, as the gateway read them. */
  | { readonly type: "restore"; readonly claims: readonly UniqueValue[] }
  /** Hands the rights to the record's escrows that a lost region holds over to the proposing one. */
  | { readonly type: "reclaim"; readonly from: string }
  | LeaseAction;

export type LeaseAction =
  | { readonly type: "acquire"; readonly holder: string; readonly ttlMs: number }
  | { readonly type: "renew"; readonly token: number; readonly ttlMs: number }
  | { readonly type: "release"; readonly token: number };

export function isLeaseAction(action: Action): action is LeaseAction {
  return action.type === "acquire" || action.type === "renew" || action.type === "release";
}

export interface ProposedWrite {
  readonly collection: string;
  readonly key: string;
  readonly action: Action;
  readonly condition?: Condition;
}

/** Refuses a writer whose lease has passed to another, or has run out. */
export interface Fence {
  readonly lease: string;
  readonly token: number;
}

export interface Proposal {
  /** UUID; the same for every try of the same request, in any region. */
  readonly id: string;
  readonly tenant: string;
  readonly requestHash: string;
  /** The proposing gateway's clock. The fold gives the stamp; this only keeps it near real time. */
  readonly hlc: Hlc;
  /** Log time after which the proposal is dead. */
  readonly deadlineMs: number;
  readonly fences: readonly Fence[];
  /** Of distinct records in one partition. All of them take effect, or none. */
  readonly writes: readonly ProposedWrite[];
}
