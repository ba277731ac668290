/** A member that has not started since the cluster was made has told nobody what it reads. */
import { describe, expect, it } from "vitest";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import { Bed, CONTEXT, SCHEMA } from "./bed.ts";
import { ORDERED } from "./ordered.ts";

const INDEXED: CollectionSchema = { fields: { price: { class: "lww", type: "number", index: true } } };

describe("while a member has not started yet", () => {
  async function silentBed() {
    const bed = new Bed({ regions: ["eu", "us"] });
    const [eu, us] = bed.regions as [Bed["first"], Bed["first"]];
    eu.startApplier();
    eu.startRelay();
    const heard = (region: string) =>
      bed.runUntil(() => eu.database.readPositions(0).origins[region]?.tick != null, "the first tick");
    await heard("eu");
    const put = (name: string, schema: CollectionSchema) =>
      eu.gateway.putCollection({ ...CONTEXT, name, schema });
    return { bed, us, put, heard };
  }

  it("what only newer software reads is refused, and it is named, until it has started: not a moment longer", async () => {
    const { bed, us, put, heard } = await silentBed();
    const error = await bed.refused(put("offers", INDEXED));
    expect(error.code).toBe("not-supported-yet");
    expect(error.message).toContain("us has not started yet");
    us.startApplier();
    us.startRelay();
    await heard("us");
    await bed.run(put("offers", INDEXED));
  });

  it("what all software reads is not", async () => {
    const { bed, put } = await silentBed();
    await bed.run(put("people", SCHEMA));
    await bed.run(put("orders", ORDERED));
  });
});
