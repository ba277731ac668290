/** Random entries of every kind. */
import fc from "fast-check";
import type {
  Entry,
  EpochEntry,
  ForgetEntry,
  MemberEntry,
  ProposeEntry,
  SweepEntry,
} from "../../../services/core/entry.ts";
import { unstorableReason } from "../../../services/core/json.ts";
import { VALUE_TYPES, type CollectionSchema, type FieldDefinition } from "../../../services/core/schema.ts";
import { encodeBatch, encodeEntry } from "../../../services/protocol/entry-codec.ts";
import { hash, hlc, lineOf, name, oddText, operation, region, sequence, uuid, value } from "./operations.ts";
import { proposal } from "./proposals.ts";
import { barrier, repair } from "./repairs.ts";

/** On one line, and of whole characters. */
const state = oddText.map((text) => text.toWellFormed().replaceAll(/\p{Cc}/gu, ""));

export interface EncodedEntry {
  readonly entry: Entry;
  readonly data: Uint8Array;
}

export const batch: fc.Arbitrary<EncodedEntry> = fc
  .record({
    origin: region,
    epoch: sequence,
    first: fc.integer({ min: 1, max: 1_000_000_000 }),
    previous: hash,
    operations: fc.array(operation, { minLength: 1, maxLength: 4 }),
  })
  .map(({ operations, ...rest }) => {
    const envelope = { ...rest, last: rest.first + operations.length - 1 };
    const lines = operations.map(lineOf);
    const logged = operations.map((one, index) => ({ operation: one, text: lines[index]! }));
    const entry = { kind: "batch", ...envelope, operations: logged } as const;
    return { entry, data: encodeBatch(envelope, lines) };
  });

const storable = value.filter((one) => unstorableReason(one) === undefined);

/** Rules need not make sense: what they mean is for the core to say. */
const authoritative: fc.Arbitrary<FieldDefinition> = fc.record(
  {
    class: fc.constant("authoritative" as const),
    type: fc.constantFrom(...VALUE_TYPES),
    unique: fc.boolean(),
    immutable: fc.boolean(),
    min: fc.integer(),
    max: fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    initial: state,
    default: storable,
    deprecated: fc.boolean(),
    states: fc.dictionary(state, fc.array(state, { maxLength: 3 }), { noNullPrototype: true }),
  },
  { requiredKeys: ["class"], noNullPrototype: true },
);

const local: fc.Arbitrary<FieldDefinition> = fc.oneof(
  fc.constant({ class: "lww" } as const),
  fc.record(
    { class: fc.constant("lww" as const), default: storable, deprecated: fc.boolean() },
    { requiredKeys: ["class"], noNullPrototype: true },
  ),
);

const schema: fc.Arbitrary<CollectionSchema> = fc.record(
  {
    fields: fc.dictionary(
      fc.constantFrom("a", "constructor", "toString", "b1"),
      fc.oneof(local, authoritative),
      { minKeys: 1, noNullPrototype: true },
    ),
    partitionBy: fc.constantFrom("key", "collection"),
    delete: fc.constant("authoritative" as const),
    ttlMs: fc.integer({ min: 1_000 }),
    tombstoneRetentionMs: fc.integer({ min: 1_000 }),
  },
  { requiredKeys: ["fields"], noNullPrototype: true },
);

const other: fc.Arbitrary<Exclude<Entry, { kind: "batch" }>> = fc.oneof(
  fc.record({
    kind: fc.constant("genesis" as const),
    cluster: uuid,
    partition: fc.nat({ max: 63 }),
    partitions: fc.integer({ min: 1, max: 64 }),
    members: fc.uniqueArray(region, { minLength: 1 }),
  }),
  fc.record({
    kind: fc.constant("tick" as const),
    origin: region,
    hlc,
    walHead: sequence,
    appliedPosition: sequence,
    chain: hash,
    software: oddText.map((text) => text.slice(0, 20).toWellFormed()),
    reads: fc.integer({ min: 1, max: 9 }),
  }),
  fc.record({
    kind: fc.constant("schema" as const),
    origin: region,
    id: uuid,
    requestHash: hash,
    tenant: name,
    name,
    deadlineMs: sequence,
    version: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 99 })),
    schema,
  }),
);

export const proposals: fc.Arbitrary<ProposeEntry> = fc.record({
  kind: fc.constant("propose" as const),
  origin: region,
  proposals: fc.array(proposal, { maxLength: 4 }),
});

const sweep: fc.Arbitrary<SweepEntry> = fc.record({
  kind: fc.constant("sweep" as const),
  origin: region,
  records: fc.array(fc.record({ tenant: name, collection: name, key: name }, { noNullPrototype: true }), {
    minLength: 1,
    maxLength: 4,
  }),
});

const forget: fc.Arbitrary<ForgetEntry> = fc.record({
  kind: fc.constant("forget" as const),
  origin: region,
  position: sequence,
  logTimeMs: sequence,
  without: fc.array(region, { maxLength: 3 }),
});

const member: fc.Arbitrary<MemberEntry> = fc
  .record({
    kind: fc.constant("member" as const),
    origin: region,
    id: uuid,
    action: fc.constantFrom("add", "remove", "rejoin"),
    region,
  })
  .map((entry) => (entry.action === "rejoin" ? { ...entry, region: entry.origin } : entry));

const epoch: fc.Arbitrary<EpochEntry> = fc.record({
  kind: fc.constant("epoch" as const),
  origin: region,
  id: uuid,
  cluster: uuid,
  partition: sequence,
  epoch: fc.integer({ min: 1, max: 1_000 }),
  chain: hash,
});

export const anyEntry: fc.Arbitrary<EncodedEntry> = fc.oneof(
  batch,
  fc
    .oneof(other, proposals, sweep, forget, barrier, repair, member, epoch)
    .map((entry) => ({ entry, data: encodeEntry(entry) })),
);
