/** A collection as the app declares it, once: types for the compiler, the schema for the cluster, parts of transactions. */
import type { FieldBody } from "./fields.ts";
import type { Condition, Fields, TransactionWrite, Write } from "./types.ts";

export interface CollectionOptions {
  /** `collection`: all records in one partition; what unique fields need, and what they get. */
  readonly partitionBy?: "key" | "collection";
  /** Records expire when they were not changed for so long, by log time. */
  readonly ttlMs?: number;
  /** Deleted records are kept for so long, and then forgotten; for ever without it. */
  readonly tombstoneRetentionMs?: number;
}

/** The body of `PUT /v1/collections/{c}`. */
export interface SchemaBody extends CollectionOptions {
  readonly fields: { readonly [name: string]: FieldBody };
}

/** A write, or a condition alone, of a transaction. */
export interface TransactionPart {
  readonly collection: string;
  readonly key: string;
  readonly [member: string]: unknown;
}

export interface Collection<F extends Fields> {
  readonly name: string;
  readonly fields: F;
  readonly schema: SchemaBody;
  /** Parts of a transaction: changes a record, deletes it, brings it back, or only asks something of it. */
  change(key: string, write: TransactionWrite<F>): TransactionPart;
  remove(key: string, condition?: Condition<F>): TransactionPart;
  restore(key: string, condition?: Condition<F>): TransactionPart;
  require(key: string, condition: Condition<F>): TransactionPart;
}

export function defineCollection<const F extends Fields>(
  name: string,
  fields: F,
  options: CollectionOptions = {},
): Collection<F> {
  const bodies = Object.entries(fields).map(([field, { body }]) => [field, body] as const);
  const isOne = bodies.some(([, body]) => body["unique"] === true);
  const named = { collection: name };
  const under = (condition: Condition<F> | undefined) => (condition === undefined ? {} : { if: condition });
  return {
    name,
    fields,
    schema: {
      fields: Object.fromEntries(bodies),
      ...(isOne && { partitionBy: "collection" as const }),
      ...options,
    },
    change: (key, write) => ({ ...named, key, ...write }),
    remove: (key, condition) => ({ ...named, key, delete: true, ...under(condition) }),
    restore: (key, condition) => ({ ...named, key, restore: true, ...under(condition) }),
    require: (key, condition) => ({ ...named, key, if: condition }),
  };
}

/** A condition is nothing that a region can decide alone. */
export function decidable<F extends Fields>(write: Write<F>): object {
  const isConditional = write.if !== undefined || write.fence !== undefined;
  return isConditional ? { ...write, authoritative: true } : write;
}
