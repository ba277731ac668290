/** Traces of requests: in the log once all members read entries with them, and told by each region that folds them. */
import { expect, it } from "vitest";
import { decodeEntry } from "../../../services/protocol/entry-codec.ts";
import type { TracedStep } from "../../../services/runtime/traces.ts";
import { Bed, COLLECTION, CONTEXT, SCHEMA, write } from "./bed.ts";

const TRACE = `00-${"4b".repeat(16)}-${"0f".repeat(8)}-01`;

/** Versions of the entries of operations that the log has, and their traces. */
function tracedEntries(bed: Bed): string[] {
  return bed.servers.messages(0).flatMap(({ data }) => {
    const { entry } = decodeEntry(data);
    if (entry.kind !== "batch" && (entry.kind !== "propose" || entry.proposals.length === 0)) return [];
    const version = Buffer.from(data).toString("latin1", 0, 9);
    return [
      `${version} ${entry.kind} ${(entry.traces ?? []).map(([index, trace]) => `${index} ${trace}`).join()}`,
    ];
  });
}

async function writeBoth(bed: Bed, key: string): Promise<void> {
  const { gateway } = bed.first;
  await bed.run(gateway.write(write({ key, trace: TRACE })));
  const body = { set: { name: "Ada" }, authoritative: true };
  await bed.run(gateway.write(write({ key, body, trace: TRACE })));
}

it("goes without until all members read it, and changes nothing but that", async () => {
  const bed = new Bed({ regions: ["eu", "us"] });
  const [eu, us] = bed.regions;
  eu!.startApplier();
  eu!.startRelay();
  us!.startApplier();
  await bed.runUntil(
    () => bed.regions.every(({ database }) => database.readPositions(0).cluster !== null),
    "joined",
  );
  await bed.run(eu!.gateway.putCollection({ ...CONTEXT, name: COLLECTION, schema: SCHEMA }));
  await writeBoth(bed, "before");
  await bed.pass(1_000);
  expect(tracedEntries(bed)).toEqual(["forebay/1 batch ", "forebay/2 propose "]);
  us!.startRelay();
  // A tick of us, and another look at what members read.
  await bed.pass(10_000);
  await writeBoth(bed, "after");
  await bed.converge();
  expect(tracedEntries(bed).slice(2)).toEqual([`forebay/7 batch 0 ${TRACE}`, `forebay/7 propose 0 ${TRACE}`]);
  const [one, other] = bed.regions.map(({ database }) => database.records(0));
  expect(one).toEqual(other);
  expect(JSON.stringify(one)).not.toContain("4b4b");
});

it("a write without one has none, in any entry", async () => {
  const bed = new Bed({ regions: ["eu", "us"] });
  await bed.startAll();
  await bed.pass(10_000);
  await bed.run(bed.first.gateway.write(write({})));
  await bed.converge();
  expect(tracedEntries(bed)).toEqual(["forebay/1 batch "]);
});

it("is told once where it is accepted, and once per try that the log takes", async () => {
  const bed = new Bed({ regions: ["eu"] });
  const steps: TracedStep[] = [];
  const gateway = bed.first.anotherGateway({ traces: { step: (step) => void steps.push(step) } });
  await bed.startAll();
  const request = write({ idempotencyKey: "k", trace: TRACE });
  await bed.run(gateway.write(request));
  await bed.run(gateway.write(request));
  expect(steps.map(({ stage, trace }) => `${stage} ${trace}`)).toEqual([`accept ${TRACE}`]);
});
