/** Tables beside committed state: who may read it with SQL, and by which fields records are found. */
import { sql } from "drizzle-orm";
import { bigint, boolean, index, pgTable, primaryKey, text, timestamp, unique } from "drizzle-orm/pg-core";
import { bytewise } from "../columns.ts";

/** Which tenants' views a login of the database may read. */
export const readerTenants = pgTable(
  "reader_tenants",
  {
    login: bytewise("login").notNull(),
    tenant: bytewise("tenant").notNull(),
    /** Of the tenant's views. */
    schema: bytewise("schema").notNull(),
    grantedAt: timestamp("granted_at", { withTimezone: true })
      .notNull()
      .default(sql`clock_timestamp()`),
  },
  (table) => [primaryKey({ columns: [table.login, table.tenant] })],
);

/** A row for each kind of work that one process at a time does: whoever is at it has it locked. */
export const sqlLocks = pgTable("sql_locks", { name: bytewise("name").primaryKey() });

/** Fields that records are found by. An index whose definition has changed is another one, and is built anew. */
export const fieldIndexes = pgTable(
  "field_indexes",
  {
    id: bigint("id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    tenant: bytewise("tenant").notNull(),
    collection: bytewise("collection").notNull(),
    field: bytewise("field").notNull(),
    /** `indexSignature`: what keys are made of. */
    signature: text("signature").notNull(),
    /** Until it is, there may be records without a key. */
    isReady: boolean("is_ready").notNull().default(false),
    /** While it is built: all records up to this one have their keys. */
    builtTo: bytewise("built_to"),
  },
  (table) => [unique("field_indexes_of_fields").on(table.tenant, table.collection, table.field)],
);

/** By which key each record is found; written by triggers, which are there while any field is indexed. */
export const fieldKeys = pgTable(
  "field_keys",
  {
    indexId: bigint("index_id", { mode: "number" }).notNull(),
    /** `recordIdText`, as in `records`. */
    recordId: bytewise("record_id").notNull(),
    /** Of `indexKey`; null, while the index is built, where the record has lost its value. */
    key: bytewise("key"),
  },
  (table) => [
    primaryKey({ columns: [table.indexId, table.recordId] }),
    index("field_keys_in_order").on(table.indexId, table.key, table.recordId),
  ],
);
