/** Tables that let processes of different releases share a database. */
import { sql } from "drizzle-orm";
import { boolean, check, integer, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { bytewise } from "./columns.ts";

/** Processes of the region, as each tells of itself every few seconds. Software of before does not. */
export const processes = pgTable("processes", {
  id: bytewise("id").primaryKey(),
  software: text("software").notNull(),
  /** The highest version of entries. */
  reads: integer("reads").notNull(),
  /** Whether it may be an applier. */
  mayFold: boolean("may_fold").notNull(),
  seenAt: timestamp("seen_at", { withTimezone: true }).notNull(),
});

/** Who may fold a partition's log: those that read entries of these versions. */
export const entryVersions = pgTable("entry_versions", {
  partition: integer("partition").primaryKey(),
  /** The highest that was folded: for good. */
  needed: integer("needed").notNull().default(1),
  /** The software that folded it first. */
  neededBy: text("needed_by"),
  /** What the others were told that the region reads, or what has been met in the log: until then. */
  promised: integer("promised").notNull().default(1),
  promisedUntil: timestamp("promised_until", { withTimezone: true })
    .notNull()
    .default(sql`'-infinity'`),
});

/** One row: the software that may use the database is that which knows so many migrations, at least. */
export const compatibility = pgTable(
  "compatibility",
  {
    isOne: boolean("is_one").primaryKey().default(true),
    leastMigrations: integer("least_migrations").notNull(),
  },
  (table) => [check("compatibility_is_one", sql`${table.isOne}`)],
);
