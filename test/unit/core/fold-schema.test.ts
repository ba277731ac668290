/** Schemas are decided by the fold: partition 0 decides, the others follow, and a dead proposal stays dead. */
import { describe, expect, it } from "vitest";
import type { Entry, OrderedEntry, SchemaEntry } from "../../../services/core/entry.ts";
import { foldEntries, sliceOf, type FoldResult } from "../../../services/core/fold/fold.ts";
import { collectionId, initialPartitionState, type FoldSlice } from "../../../services/core/fold/state.ts";
import { sha256 } from "../../../services/core/hash.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import type { CollectionSchema, FieldDefinition } from "../../../services/core/schema.ts";

const EMPTY_SLICE: FoldSlice = { records: new Map(), operations: new Map() };
const GENESIS: Entry = {
  kind: "genesis",
  cluster: uuidOf("cluster"),
  partition: 0,
  partitions: 2,
  members: ["ap", "eu", "us"],
};
const LWW: FieldDefinition = { class: "lww" };
const COUNTER: FieldDefinition = { class: "merge", kind: "counter" };
const schemaOf = (fields: { [name: string]: FieldDefinition }): CollectionSchema => ({ fields });

function proposal(id: string, changes: Partial<SchemaEntry> = {}): SchemaEntry {
  return {
    kind: "schema",
    origin: "us",
    id: uuidOf(id),
    requestHash: sha256(id),
    tenant: "acme",
    name: "users",
    deadlineMs: 10_000,
    version: null,
    schema: schemaOf({ name: LWW }),
    ...changes,
  };
}

/** Position n is stored at 1,000 + n, unless the entry brings its own time. */
function fold(...entries: readonly (Entry | readonly [Entry, number])[]): FoldResult {
  const ordered = [GENESIS, ...entries].map((given, index): OrderedEntry => {
    const [entry, storedAtMs] = Array.isArray(given)
      ? (given as [Entry, number])
      : [given as Entry, 1_001 + index];
    return { position: index + 1, storedAtMs, checksum: sha256(String(index)), entry };
  });
  return foldEntries({ state: initialPartitionState(0), slice: EMPTY_SLICE, entries: ordered });
}

function said(result: FoldResult): string[] {
  return result.outcomes.map(
    ({ status, position, rejection }) =>
      `${position} ${status}${rejection === undefined ? "" : `: ${rejection.code}: ${rejection.message}`}`,
  );
}

describe("where it decides, the fold of a schema", () => {
  it("gives a new collection version 1, and says who proposed it", () => {
    const result = fold(proposal("one"));
    expect(result.collections).toEqual([
      { tenant: "acme", name: "users", version: 1, schema: schemaOf({ name: LWW }) },
    ]);
    expect(result.outcomes).toMatchObject([
      {
        id: uuidOf("one"),
        tenant: "acme",
        position: 2,
        origin: "us",
        status: "committed",
        requestHash: sha256("one"),
      },
    ]);
    expect(result.outcomes[0]).not.toHaveProperty("rejection");
    expect(Object.keys(result.state.collections)).toEqual([collectionId("acme", "users")]);
  });

  it("raises the version for added fields, and not for the same schema", () => {
    const more = schemaOf({ name: LWW, likes: COUNTER });
    const result = fold(
      proposal("one"),
      proposal("same"),
      proposal("more", { schema: more }),
      proposal("again", { schema: more }),
    );
    expect(result.collections.map(({ version }) => version)).toEqual([1, 2]);
    expect(said(result)).toEqual(["2 committed", "3 committed", "4 committed", "5 committed"]);
    expect(result.state.collections[collectionId("acme", "users")]).toMatchObject({
      version: 2,
      schema: more,
    });
  });

  it("rejects what existing records could not follow, with all reasons, and keeps the schema", () => {
    const result = fold(
      proposal("one", { schema: schemaOf({ name: LWW, likes: COUNTER }) }),
      proposal("two", { schema: schemaOf({ name: COUNTER }) }),
    );
    expect(said(result)).toEqual([
      "2 committed",
      expect.stringMatching(/^3 rejected: .*likes is missing.*; .*name was lww/) as string,
    ]);
    expect(result.collections).toHaveLength(1);
  });

  it("keeps tenants and names apart", () => {
    const result = fold(
      proposal("one"),
      proposal("two", { tenant: "other", schema: schemaOf({ likes: COUNTER }) }),
      proposal("three", { name: "constructor", schema: schemaOf({ other: COUNTER }) }),
    );
    expect(result.collections.map(({ tenant, name, version }) => `${tenant} ${name} ${version}`)).toEqual([
      "acme users 1",
      "other users 1",
      "acme constructor 1",
    ]);
  });
});

describe("where it follows, the fold of a schema", () => {
  const follow = (id: string, version: number, fields: { [name: string]: FieldDefinition }): SchemaEntry =>
    proposal(id, { version, schema: schemaOf(fields) });

  it("takes the version as it was decided, also when versions in between never came", () => {
    const result = fold(follow("one", 3, { name: LWW }));
    expect(result.collections).toMatchObject([{ version: 3 }]);
    expect(said(result)).toEqual(["2 committed"]);
  });

  it("never goes back to an older version, nor takes the same one twice", () => {
    const newer = { name: LWW, likes: COUNTER };
    const result = fold(follow("two", 2, newer), follow("one", 1, { name: LWW }), follow("again", 2, newer));
    expect(result.collections).toMatchObject([{ version: 2 }]);
    expect(said(result)).toEqual(["2 committed", "3 committed", "4 committed"]);
  });
});

describe("wherever, the fold of a schema", () => {
  it("rejects a proposal after its deadline by log time, and takes one just in time", () => {
    const result = fold(
      [proposal("in time", { deadlineMs: 5_000 }), 5_000],
      [proposal("late", { deadlineMs: 5_000, name: "orders" }), 5_001],
    );
    expect(said(result)).toEqual(["2 committed", expect.stringMatching(/^3 rejected: expired/) as string]);
    expect(result.collections).toHaveLength(1);
  });

  it("goes by log time, which does not go back with the stored time (I7)", () => {
    const tick = { kind: "genesis", cluster: "", partition: 0, partitions: 2, members: [] } as const;
    const result = fold([tick, 9_000], [proposal("late", { deadlineMs: 5_000 }), 4_000]);
    expect(said(result)).toEqual([expect.stringMatching(/expired/) as string]);
  });

  it("lets a proposal take effect once, and counts the rest (I4)", () => {
    const result = fold(proposal("one"), proposal("one"), proposal("one", { origin: "eu" }));
    expect(said(result)).toEqual(["2 committed"]);
    expect(result.counts.duplicates).toBe(2);
  });

  it("keeps a rejected proposal rejected, although it would fit by now", () => {
    const result = fold(
      [proposal("one", { deadlineMs: 1 }), 2_000],
      [proposal("one", { deadlineMs: 10_000 }), 2_001],
    );
    expect(said(result)).toEqual([expect.stringMatching(/^2 rejected/) as string]);
    expect(result.collections).toEqual([]);
  });

  it("knows an id from an earlier call by the slice that it asks for", () => {
    const entry = proposal("one");
    const ordered = { position: 2, storedAtMs: 1_002, checksum: sha256("2"), entry };
    expect(sliceOf([ordered]).operations).toEqual([entry.id]);
    const result = foldEntries({
      state: fold().state,
      slice: { records: new Map(), operations: new Map([[entry.id, 1]]) },
      entries: [ordered],
    });
    expect(result.outcomes).toEqual([]);
    expect(result.counts.duplicates).toBe(1);
  });

  it("does not listen to a region that is no member, whatever its name", () => {
    const result = fold(proposal("one", { origin: "mars" }), proposal("two", { origin: "constructor" }));
    expect(result.counts.strangers).toBe(2);
    expect(result.state.collections).toEqual({});
  });
});
