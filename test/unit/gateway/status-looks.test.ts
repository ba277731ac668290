/** The status is never refused, and asks the database and the log: however many ask for it at once, one look serves them. */
import { describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../../services/ports/region-store.ts";
import { Bed, overriding } from "./bed.ts";

const ASKERS = 200;

async function countingBed() {
  const bed = new Bed({ partitions: 2 });
  await bed.startAll();
  const { store, log } = bed.first.options;
  const looks = { store: 0, log: 0 };
  const failure: { error: Error | undefined } = { error: undefined };
  const gateway = bed.first.anotherGateway({
    store: overriding(store, {
      walHead: (partition) => {
        looks.store += 1;
        return failure.error === undefined ? store.walHead(partition) : Promise.reject(failure.error);
      },
    }),
    log: overriding(log, {
      inspect: (partition) => {
        looks.log += 1;
        return log.inspect(partition);
      },
    }),
  });
  const ask = () => Array.from({ length: ASKERS }, () => gateway.status());
  return { bed, looks, failure, ask };
}

describe("the status", () => {
  it("is looked for once for all who ask at once, and anew for who asks after", async () => {
    const { bed, looks, ask } = await countingBed();
    const overviews = await bed.run(Promise.all(ask()));
    expect(looks).toEqual({ store: 2, log: 2 });
    expect(new Set(overviews.map(({ partitions }) => partitions.length))).toEqual(new Set([2]));
    await bed.run(Promise.all(ask()));
    expect(looks).toEqual({ store: 4, log: 4 });
  });

  it("fails for all of them where the look fails, and not for who asks after", async () => {
    const { bed, failure, ask } = await countingBed();
    failure.error = new StoreUnavailableError("down", { outcome: "none" });
    const settled = await bed.run(Promise.allSettled(ask()));
    expect(settled.every(({ status }) => status === "rejected")).toBe(true);
    failure.error = undefined;
    expect((await bed.run(Promise.all(ask()))).length).toBe(ASKERS);
  });
});
