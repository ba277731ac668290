/**
 * What an import goes by when it sends a line again: under a new id where the log keeps a decision, which has a position, and
 * under the same where it keeps none.
 */
import { describe, expect, it } from "vitest";
import { EMPTY_SESSION } from "../../../services/core/session.ts";
import type { BulkResult } from "../../../services/gateway/gateway.ts";
import type { GatewayService } from "../../../services/gateway/gateway-service.ts";
import { importAnswerText } from "../../../services/gateway/http/import-answer.ts";
import type { ImportAnswer } from "../../../services/protocol/http/import.ts";
import { FoldFeed } from "../../../services/runtime/fold-feed.ts";
import { COLLECTION, overriding, read, TENANT, type Bed } from "./bed.ts";
import { orderedBed } from "./ordered.ts";

/** One line, and what the API answers to it. */
async function sendLine(bed: Bed, gateway: GatewayService, body: { readonly [operator: string]: unknown }) {
  const result: BulkResult = await bed.run(
    gateway.writeMany({
      tenant: TENANT,
      collection: COLLECTION,
      session: EMPTY_SESSION,
      deadlineMs: 5_000,
      lines: [{ id: "row", key: "ada", body }],
    }),
  );
  return (JSON.parse(importAnswerText(result, "")) as ImportAnswer).lines[0]!;
}

const problem = (code: string, changes: object = {}) => ({
  status: "refused",
  problem: { type: `urn:forebay:problem:${code}`, ...changes },
});

describe("a line that the log has decided against", () => {
  it.each([
    ["out-of-bounds", "never", { inc: { credit: 101 } }],
    ["schema-changed", "same", { inc: { bonus: 1 } }],
  ])("is told %s with its position, and the same again under its id", async (code, retry, body) => {
    const bed = await orderedBed();
    const { store } = bed.first.options;
    // As of a schema that has changed since: the log knows no such field.
    const readCollections = async (partition: number) =>
      (await store.readCollections(partition)).map((collection) => {
        const bonus = { class: "authoritative", type: "integer" } as const;
        const { schema } = collection;
        return { ...collection, schema: { ...schema, fields: { ...schema.fields, bonus } } };
      });
    const gateway = bed.first.anotherGateway({ store: overriding(store, { readCollections }) });
    const first = await sendLine(bed, gateway, body);
    const sequence = expect.any(Number) as number;
    expect(first).toMatchObject(problem(code, { retry, position: { partition: 0, sequence } }));
    expect(await sendLine(bed, gateway, body)).toEqual(first);
  });
});

describe("a line that the log has ordered too late", () => {
  it("has no position, takes effect under the same id, and does so once", async () => {
    const bed = await orderedBed();
    const { clock } = bed.first.options;
    const late = overriding(clock, { nowMs: () => clock.nowMs() - 10_000 });
    const gateway = bed.first.anotherGateway({ clock: late, folded: new FoldFeed() });
    const body = { inc: { credit: 1 } };
    const first = await sendLine(bed, gateway, body);
    expect(first).toMatchObject(problem("expired", { retry: "same" }));
    expect(first).not.toHaveProperty("problem.position");
    expect(await sendLine(bed, gateway, body)).toMatchObject({ status: "committed" });
    expect(await sendLine(bed, gateway, body)).toMatchObject({ status: "committed", replayed: true });
    await bed.pass(2_000);
    expect((await bed.run(gateway.read(read()))).fields["credit"]).toBe(1);
  });
});
