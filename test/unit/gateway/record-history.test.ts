/** How a record came to be what it is, through a gateway on the simulated twin: all of it, newest first, page by page. */
import { describe, expect, it } from "vitest";
import type { RecordHistory } from "../../../services/gateway/record-histories.ts";
import { Bed, COLLECTION, CONTEXT, TENANT, write } from "./bed.ts";

const ADA = { tenant: TENANT, collection: COLLECTION, key: "ada" };
const OTHERS = 30;

/** Written by two regions and deleted by the log, with a lot between. */
async function lived(): Promise<Bed> {
  const bed = new Bed({ regions: ["eu", "us"] });
  await bed.startAll();
  const [eu, us] = bed.regions as [(typeof bed.regions)[0], (typeof bed.regions)[0]];
  await bed.run(eu.gateway.write(write({ body: { set: { name: "Ada" } } })));
  await bed.converge();
  for (let index = 0; index < OTHERS; index += 1)
    await bed.run(us.gateway.write(write({ key: `key ${index}`, waitCommitted: true })));
  await bed.run(us.gateway.write(write({ body: { inc: { likes: 2 } } })));
  await bed.converge();
  await bed.run(eu.gateway.remove({ ...CONTEXT, ...ADA, version: undefined, idempotencyKey: undefined }));
  await bed.converge();
  return bed;
}

function told({ appearances, outcomes }: RecordHistory): string[] {
  return appearances.map(({ kind, action, origin, operation, changes }) => {
    const what = changes.map(({ field, operator }) => `${operator} ${field}`).join();
    const status = outcomes.get(operation ?? "")?.status ?? "";
    return [kind, action, origin, what, status].filter((text) => text !== "").join(" ");
  });
}

describe("the history of a record", () => {
  it("is all that the log has of it, newest first, with what came of it", async () => {
    const bed = await lived();
    for (const { gateway } of bed.regions) {
      const history = await bed.run(gateway.histories().read({ ...ADA, before: undefined, limit: 10 }));
      expect(told(history)).toEqual([
        "decided delete eu committed",
        "local change us inc likes committed",
        "local change eu set name committed",
      ]);
      expect(history).toMatchObject({ partition: 0, from: 1, isWhole: true });
    }
  });

  it("goes on where a page has ended, and lacks and repeats nothing", async () => {
    const bed = await lived();
    const { gateway } = bed.first;
    const pages: string[][] = [];
    let before: number | undefined;
    do {
      const page = await bed.run(gateway.histories().read({ ...ADA, before, limit: 1 }));
      pages.push(told(page));
      before = page.isWhole ? undefined : page.from;
    } while (before !== undefined);
    expect(pages.flat()).toHaveLength(3);
    expect(pages.every((page) => page.length <= 1)).toBe(true);
  });

  it("ends where the log was trimmed, and is refused while the log can't be read", async () => {
    const bed = await lived();
    const { gateway } = bed.first;
    const read = () => gateway.histories().read({ ...ADA, before: undefined, limit: 10 });
    const [, , oldest] = (await bed.run(read())).appearances;
    bed.servers.trim({ partition: 0, below: oldest!.position + 1 });
    const history = await bed.run(read());
    expect(told(history)).toHaveLength(2);
    expect(history).toMatchObject({ isWhole: true, from: oldest!.position + 1 });
    bed.servers.leader = undefined;
    expect(await bed.refusal(read())).toBe("no-quorum");
  });

  it("is of a collection that there is, and of a key that can be one", async () => {
    const bed = await lived();
    const read = (change: object) =>
      bed.first.gateway.histories().read({ ...ADA, before: undefined, limit: 10, ...change });
    expect(await bed.refusal(read({ collection: "ghosts" }))).toBe("unknown-collection");
    await expect(bed.run(read({ key: "" }))).rejects.toMatchObject({ code: "invalid-key" });
  });
});
