/** From the fields of a collection to what can be written to its records, and what reads show of them. */
import type { Field } from "./fields.ts";

export interface Fields {
  readonly [name: string]: Field;
}

export type OperatorName =
  "set" | "unset" | "inc" | "add" | "remove" | "put" | "drop" | "raise" | "lower" | "give" | "take";

type TypesOf<F extends Field> = NonNullable<F["~types"]>;
type Shown<F extends Field> = TypesOf<F>["shown"];
type Argument<F extends Field, Operator> = TypesOf<F>["takes"] extends infer Takes
  ? Operator extends keyof Takes
    ? Takes[Operator]
    : never
  : never;

/** The fields that take the operator. */
type Taking<F extends Fields, Operator extends OperatorName> = {
  [Name in keyof F]: Operator extends keyof TypesOf<F[Name]>["takes"] ? Name : never;
}[keyof F] &
  string;

/** Only operators that a field takes, each with the fields that take it. */
export type Operators<F extends Fields> = {
  readonly [
    Operator in OperatorName as [Taking<F, Operator>] extends [never] ? never : Operator
  ]?: Operator extends "unset"
    ? readonly Taking<F, "unset">[]
    : { readonly [Name in Taking<F, Operator>]?: Argument<F[Name], Operator> };
};

/** What must hold of a record for a request to take effect. */
export interface Condition<F extends Fields> {
  /** Of a read; null: there is no such record; `"*"`: there is one. */
  readonly version?: string | null;
  /** null where none is shown. */
  readonly fields?: { readonly [Name in keyof F]?: Shown<F[Name]> | null };
}

/** Refuses whoever's lease has passed on or run out. */
export interface Fence {
  readonly lease: string;
  readonly token: string;
}

/** The log decides, as conditions ask for it; it can't take from escrows. */
type DecidedWrite<F extends Fields> = Omit<Operators<F>, "take"> & {
  readonly take?: never;
  readonly authoritative?: true;
  readonly if?: Condition<F>;
  readonly fence?: Fence;
};

type PlainWrite<F extends Fields> = Operators<F> & {
  /** Has the log decide, whatever fields are touched. */
  readonly authoritative?: boolean;
  readonly if?: never;
  readonly fence?: never;
};

/** One operation on one record: all of it takes effect, or nothing. With `if` or `fence` the log decides on it. */
export type Write<F extends Fields> = PlainWrite<F> | DecidedWrite<F>;

/** Of a transaction, which has one fence for all of its writes. */
export type TransactionWrite<F extends Fields> = Omit<Operators<F>, "take"> & { readonly if?: Condition<F> };

type AlwaysShown<F extends Fields> = {
  [Name in keyof F]: TypesOf<F[Name]>["always"] extends true ? Name : never;
}[keyof F];

type Flat<T> = { readonly [Name in keyof T]: T[Name] };

/** Of a record: fields that nothing was written to, and that have no default, are absent. */
export type FieldValues<F extends Fields> = Flat<
  { readonly [Name in AlwaysShown<F>]: Shown<F[Name]> } & {
    readonly [Name in Exclude<keyof F, AlwaysShown<F>>]?: Shown<F[Name]>;
  }
>;

export interface RecordOf<F extends Fields> {
  readonly key: string;
  readonly fields: FieldValues<F>;
  /** Changes whenever the view of the record does; for conditions. */
  readonly version: string;
  /** The region's own operations in this view that the log has not ordered yet. */
  readonly pending: number;
}
