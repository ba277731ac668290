/** The tables of a region's database. One database holds all partitions of its region. */
import { sql } from "drizzle-orm";
import {
  boolean,
  check,
  index,
  integer,
  json,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uuid,
} from "drizzle-orm/pg-core";
import { bytea, bytewise, bytewiseTexts, count, stamp } from "./columns.ts";

export { compatibility, entryVersions, processes } from "./version-tables.ts";
export { fieldIndexes, fieldKeys, readerTenants, sqlLocks } from "./sql/tables.ts";

/** The write-ahead log. Append-only; trimmed at its beginning, once every member has folded it. Whether a row is folded, its origin's watermark tells. */
export const wal = pgTable(
  "wal",
  {
    partition: integer("partition").notNull(),
    sequence: count("sequence").notNull(),
    hlc: stamp("hlc").notNull(),
    seen: count("seen").notNull(),
    /** Of all rows up to this one: the difference of two rows is what lies between them. */
    bytes: count("bytes").notNull(),
    acceptedAt: timestamp("accepted_at", { withTimezone: true })
      .notNull()
      .default(sql`clock_timestamp()`),
    id: uuid("id").notNull(),
    /** `recordIdText`, as in `records`. */
    recordId: bytewise("record_id").notNull(),
    requestHash: bytea("request_hash").notNull(),
    body: text("body").notNull(),
    /** Of rows that take from escrows: see `forebay_escrows` in the migrations. */
    taken: jsonb("taken"),
    /** The `traceparent` of its request, where it had one. */
    trace: text("trace"),
  },
  (table) => [
    primaryKey({ columns: [table.partition, table.sequence] }),
    index("wal_by_id").on(table.id),
    // Without the partition: a key belongs to one, and a listing walks over the keys of all of them.
    index("wal_by_record").on(table.recordId, table.sequence),
    index("wal_by_take")
      .on(table.recordId, table.sequence)
      .where(sql`taken is not null`),
  ],
);

/** Where each partition's WAL ends. Locked by every append: that makes sequences dense and their order commit order. */
export const walHeads = pgTable("wal_heads", {
  partition: integer("partition").primaryKey(),
  sequence: count("sequence").notNull(),
  hlc: stamp("hlc").notNull(),
  bytes: count("bytes").notNull(),
  /** Set while nothing may be appended: the region has asked the log by this id to rejoin, and it has not been folded yet. */
  rejoin: uuid("rejoin"),
  /** With `rejoin`: rows after this sequence are not what the log has under their sequences, and are numbered anew. */
  orphansAfter: count("orphans_after"),
  /** Id of the entry by which this database has joined: where the log says another, another database has taken its place. */
  joined: uuid("joined"),
  /** Another database has joined by this id in place of this one: nothing may be appended. */
  displaced: uuid("displaced"),
  /** How many rows were set aside, ever. */
  setAside: count("set_aside").notNull().default(0),
});

/** Rows of the WAL that were not sent again when the region rejoined: they might have taken effect, and be forgotten. */
export const setAside = pgTable(
  "set_aside",
  {
    sequence: count("sequence").notNull(),
    hlc: stamp("hlc").notNull(),
    seen: count("seen").notNull(),
    partition: integer("partition").notNull(),
    id: uuid("id").notNull(),
    acceptedAt: timestamp("accepted_at", { withTimezone: true }).notNull(),
    setAsideAt: timestamp("set_aside_at", { withTimezone: true })
      .notNull()
      .default(sql`clock_timestamp()`),
    recordId: bytewise("record_id").notNull(),
    reason: text("reason").notNull(),
    body: text("body").notNull(),
  },
  (table) => [primaryKey({ columns: [table.id, table.partition] })],
);

/** There while a partition's committed state is loaded from elsewhere: until then nothing in the region may be read or written. */
export const bootstraps = pgTable("bootstraps", {
  partition: integer("partition").primaryKey(),
  id: uuid("id").notNull(),
  /** Whom the state comes from: a region, or what a backup is called. */
  source: text("source"),
  reason: text("reason").notNull(),
  stage: text("stage").notNull(),
  startedAt: timestamp("started_at", { withTimezone: true })
    .notNull()
    .default(sql`clock_timestamp()`),
  /** What is loaded, as JSON: of the source's snapshot, the part that is under way and the place in it, and how much of how much. */
  progress: jsonb("progress"),
});

/** How far each partition's log is folded. Every fold's transaction begins with a compare-and-set here. */
export const applied = pgTable("applied", {
  partition: integer("partition").primaryKey(),
  position: count("position").notNull(),
  logTimeMs: count("log_time_ms").notNull(),
  hlc: stamp("hlc")
    .notNull()
    .default(sql`0`),
  chain: text("chain").notNull(),
  cluster: text("cluster"),
  partitions: integer("partitions").notNull(),
  members: text("members").array().notNull(),
  logCreatedAtMs: count("log_created_at_ms"),
  /** Operations up to here are no longer known, also where their rows are still there. */
  forgottenPosition: count("forgotten_position").notNull().default(0),
  forgottenTimeMs: count("forgotten_time_ms").notNull().default(0),
  /** How often the log was made anew. */
  logEpoch: integer("log_epoch").notNull().default(0),
  /** Regions that are members no more, with what their sequences go on from. */
  departed: jsonb("departed")
    .notNull()
    .default(sql`'{}'`),
});

/** Where each partition was now and then: tells which position, and which sequence of the own WAL, a time stands for. */
export const trimMarks = pgTable(
  "trim_marks",
  {
    partition: integer("partition").notNull(),
    position: count("position").notNull(),
    logTimeMs: count("log_time_ms").notNull(),
    watermark: count("watermark").notNull(),
  },
  (table) => [primaryKey({ columns: [table.partition, table.position] })],
);

export const origins = pgTable(
  "origins",
  {
    partition: integer("partition").notNull(),
    region: bytewise("region").notNull(),
    watermark: count("watermark").notNull(),
    epoch: count("epoch").notNull(),
    hlc: stamp("hlc").notNull(),
    chain: text("chain").notNull(),
    tick: jsonb("tick"),
    promise: jsonb("promise"),
    /** Id of the entry by which the region has joined last. */
    joined: uuid("joined"),
  },
  (table) => [primaryKey({ columns: [table.partition, table.region] })],
);

export const records = pgTable(
  "records",
  {
    version: count("version").notNull(),
    partition: integer("partition").notNull(),
    /** `recordIdText`: one text is compared in a third of the time of three. Sorted, the keys of a collection are a range. */
    recordId: bytewise("record_id").primaryKey(),
    /** JSON, but as text: the bytes that were folded, and nothing is parsed by the hottest write of all. */
    fields: text("fields").notNull(),
    /** JSON; set while the record is deleted. */
    tombstone: text("tombstone"),
    /** Log time after which the record is none any more, or the tombstone may go. */
    expiresAtMs: count("expires_at_ms"),
  },
  (table) => [
    index("records_by_expiry")
      .on(table.partition, table.expiresAtMs)
      .where(sql`expires_at_ms is not null`),
  ],
);

/** Which records each commit of a fold has changed: what subscribers are told by. Trimmed at its beginning. */
export const changes = pgTable(
  "changes",
  {
    partition: integer("partition").notNull(),
    /** Of the last entry that was folded with it. */
    position: count("position").notNull(),
    recordIds: bytewiseTexts("record_ids").notNull(),
    /** Changes that no row's version tells: of records that are gone or were repaired. */
    rewrittenIds: bytewiseTexts("rewritten_ids"),
    rewrittenPositions: count("rewritten_positions").array(),
  },
  (table) => [primaryKey({ columns: [table.partition, table.position] })],
);

/** From where on table `changes` has all changes of a partition. */
export const changeFloors = pgTable("change_floors", {
  partition: integer("partition").primaryKey(),
  position: count("position").notNull(),
});

export const collections = pgTable(
  "collections",
  {
    partition: integer("partition").notNull(),
    version: integer("version").notNull(),
    tenant: bytewise("tenant").notNull(),
    name: bytewise("name").notNull(),
    /** As text: the order of its fields decides which of two broken rules is told, and has to be the log's. */
    schema: json("schema").notNull(),
  },
  (table) => [primaryKey({ columns: [table.partition, table.tenant, table.name] })],
);

/** Ids that took effect, with their outcomes. A schema's id has one in each partition. */
export const operations = pgTable(
  "operations",
  {
    id: uuid("id").notNull(),
    position: count("position").notNull(),
    hlc: stamp("hlc").notNull(),
    partition: integer("partition").notNull(),
    tenant: bytewise("tenant").notNull(),
    origin: bytewise("origin").notNull(),
    status: text("status").notNull(),
    requestHash: bytea("request_hash").notNull(),
    /** JSON: why a proposal was rejected, or what else its client is told. */
    detail: text("detail"),
  },
  (table) => [primaryKey({ columns: [table.id, table.partition] })],
);

/** Writes that lost, with both values. */
export const conflicts = pgTable(
  "conflicts",
  {
    position: count("position").notNull(),
    logTimeMs: count("log_time_ms").notNull(),
    partition: integer("partition").notNull(),
    ordinal: integer("ordinal").notNull(),
    loserOperation: uuid("loser_operation"),
    winnerOperation: uuid("winner_operation"),
    tenant: bytewise("tenant").notNull(),
    collection: bytewise("collection").notNull(),
    key: bytewise("key").notNull(),
    field: bytewise("field").notNull(),
    entry: text("entry"),
    reason: text("reason").notNull(),
    loser: jsonb("loser").notNull(),
    winner: jsonb("winner").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.partition, table.position, table.ordinal] }),
    index("conflicts_by_loser")
      .on(table.loserOperation)
      .where(sql`loser_operation is not null`),
    // By time, for pages of a tenant's conflicts, of a collection's and of a record's.
    index("conflicts_by_time").on(
      table.tenant,
      table.logTimeMs,
      table.partition,
      table.position,
      table.ordinal,
    ),
    index("conflicts_by_collection").on(
      table.tenant,
      table.collection,
      table.logTimeMs,
      table.partition,
      table.position,
      table.ordinal,
    ),
    index("conflicts_by_record").on(
      table.tenant,
      table.collection,
      table.key,
      table.logTimeMs,
      table.partition,
      table.position,
      table.ordinal,
    ),
  ],
);

/** Rows that a repair has changed in this region, as they were and as they are. Never trimmed. */
export const repairs = pgTable(
  "repairs",
  {
    position: count("position").notNull(),
    logTimeMs: count("log_time_ms").notNull(),
    partition: integer("partition").notNull(),
    ordinal: integer("ordinal").notNull(),
    repair: uuid("repair").notNull(),
    /** `recordIdText`, as in `records`. */
    recordId: bytewise("record_id").notNull(),
    reason: text("reason").notNull(),
    /** JSON: version, fields, tombstone and expiry; null where there was no row. */
    before: text("before"),
    after: text("after"),
  },
  (table) => [
    primaryKey({ columns: [table.partition, table.position, table.ordinal] }),
    index("repairs_by_time").on(table.logTimeMs, table.partition, table.position, table.ordinal),
  ],
);

/** Verifications that have ended, as JSON. The newest are kept. */
export const verifications = pgTable(
  "verifications",
  {
    startedAtMs: count("started_at_ms").notNull(),
    id: uuid("id").primaryKey(),
    body: text("body").notNull(),
  },
  (table) => [index("verifications_by_time").on(table.startedAtMs, table.id)],
);

/** What operators have done: a hash chain (`core/audit.ts`) that is added to by `forebay_append_audit`, and refuses anything else. */
export const audit = pgTable("audit", {
  sequence: count("sequence").primaryKey(),
  atMs: count("at_ms").notNull(),
  act: uuid("act").notNull(),
  action: text("action").notNull(),
  actor: text("actor").notNull(),
  address: text("address"),
  /** Canonical JSON: the hash covers this text. */
  about: text("about").notNull(),
  outcome: text("outcome").notNull(),
  previous: text("previous").notNull(),
  hash: text("hash").notNull(),
});

/** Ends of other regions' audit trails, as this region has seen them. */
export const auditHeads = pgTable(
  "audit_heads",
  {
    region: bytewise("region").notNull(),
    sequence: count("sequence").notNull(),
    hash: text("hash").notNull(),
    seenAtMs: count("seen_at_ms").notNull(),
  },
  (table) => [primaryKey({ columns: [table.region, table.sequence, table.hash] })],
);

/** Who relays and applies a partition. A released role's row stays, for its epoch. */
export const roles = pgTable(
  "roles",
  {
    role: text("role").notNull(),
    partition: integer("partition").notNull(),
    epoch: count("epoch").notNull(),
    expiresAt: timestamp("expires_at", { withTimezone: true }).notNull(),
    holder: text("holder").notNull(),
  },
  (table) => [primaryKey({ columns: [table.role, table.partition] })],
);

/** There while the region is drained. One row, for all partitions. */
export const drain = pgTable(
  "drain",
  {
    isOn: boolean("is_on").primaryKey().default(true),
    startedAt: timestamp("started_at", { withTimezone: true })
      .notNull()
      .default(sql`clock_timestamp()`),
  },
  (table) => [check("drain_has_one_row", sql`${table.isOn}`)],
);
