import { describe, expect, it } from "vitest";
import type { ProposedWrite } from "../../../../services/core/proposal.ts";
import { viewFields } from "../../../../services/core/view.ts";
import { showFields } from "../../../../services/core/record.ts";
import type { CollectionSchema, FieldDefinition } from "../../../../services/core/schema.ts";
import { TENANT, TestLog } from "./test-log.ts";
import { change, COLLECTION, PEOPLE } from "./writes.ts";

const promoted = (definition: FieldDefinition): CollectionSchema => ({
  ...PEOPLE,
  fields: { ...PEOPLE.fields, name: definition },
});
const NAME = promoted({ class: "authoritative" });

/** As a gateway plans it that has folded the change. */
function setName(key: string, argument: string): ProposedWrite {
  const changes = [{ field: "name", kind: "value", operator: "set", argument }] as const;
  return { collection: COLLECTION, key, action: { type: "change", changes } };
}

describe("a last-write-wins field that becomes authoritative", () => {
  it("keeps its values, and is written in the log's order from then on", () => {
    const log = new TestLog();
    log.write("eu", { key: "one", operators: { set: { name: "Ada" } } });
    expect(log.schema(COLLECTION, NAME)).toBe("committed");
    expect(log.shown("one")).toMatchObject({ name: "Ada" });
    expect(log.propose(setName("one", "Grace"))).toBe("committed");
    expect(log.shown("one")).toMatchObject({ name: "Grace" });
  });

  it("builds its rules on the value that was there", () => {
    const log = new TestLog();
    log.write("eu", { key: "one", operators: { set: { name: "Ada" } } });
    log.schema(COLLECTION, promoted({ class: "authoritative", immutable: true }));
    expect(log.propose(setName("one", "Grace"))).toBe("immutable name");
    expect(log.propose(setName("two", "Grace"))).toBe("committed");
  });

  it("takes no local write any more that a region accepted before it knew, and records it", () => {
    const log = new TestLog();
    const seen = log.position;
    log.schema(COLLECTION, NAME);
    const outcome = log.write("us", { key: "one", operators: { set: { name: "late" } }, seen });
    expect(outcome.status).toBe("superseded");
    expect(log.record("one")).toBeUndefined();
    expect(log.store.conflicts).toMatchObject([
      {
        field: "name",
        reason: "kind",
        loser: { value: "late", operator: "set" },
        winner: { value: "value" },
      },
    ]);
  });

  it("takes the rest of a local write that is about other fields as well", () => {
    const log = new TestLog();
    const seen = log.position;
    log.schema(COLLECTION, NAME);
    const operators = { set: { name: "late" }, inc: { visits: 1 } };
    expect(log.write("us", { key: "one", operators, seen }).status).toBe("committed");
    expect(log.shown("one")).toEqual({ status: "new", visits: 1 });
  });

  it("refuses a proposal that was planned before", () => {
    const log = new TestLog();
    log.schema(COLLECTION, NAME);
    expect(log.propose(change("one", { set: { name: "late", note: "n" } }))).toBe("schema name");
  });

  it("shows no pending write that will have no effect", () => {
    const changes = [{ field: "name", kind: "lww", operator: "set", argument: "late" }] as const;
    const place = { tenant: TENANT, collection: COLLECTION, key: "one", seen: 1, requestHash: "" };
    const operation = { id: "", hlc: "0000000000000001" as never, changes, ...place };
    const about = { committed: {}, pending: [operation], origin: "eu" };
    expect(showFields(viewFields({ ...about, schema: PEOPLE })!)).toEqual({ name: "late" });
    expect(showFields(viewFields({ ...about, schema: NAME })!)).toEqual({});
  });
});
