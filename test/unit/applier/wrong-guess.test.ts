/** Operations are taken for new until a commit finds one that took effect before; what was folded onto that is folded again. */
import { expect, it } from "vitest";
import { recordIdText } from "../../../services/core/operation.ts";
import { Bed, COLLECTION, TENANT } from "../gateway/bed.ts";
import { idsOf, KEYS, Origin } from "./origin.ts";

/** So many that each entry is a commit of its own. */
const OPERATIONS = 2_048;

it.each([
  ["", undefined],
  [", also where commits take long and give way to clients", 90],
])(
  "an operation that took effect long before counts once, and so does all that was folded after it%s",
  async (_, commitMs) => {
    const bed = new Bed({ regions: ["eu", "us"] });
    await bed.startAll();
    const [eu, us] = bed.regions as [typeof bed.first, typeof bed.first];
    bed.servers.cutOff.add("us");
    for (const { faults, options } of [eu, us]) {
      if (commitMs === undefined) continue;
      faults.commitMs = commitMs;
      // And does not end.
      options.appended.began(options.clock.monotonicMs());
    }
    const one = new Origin("eu");
    const other = new Origin("us");
    const names = ["a", "b", "c", "d", "e", "f"];
    for (const name of names) {
      bed.servers.store(0, one.entry(idsOf(name, OPERATIONS)));
      // Of the first operations, tried again in another region: by then no fold remembers their ids.
      if (name === "d")
        bed.servers.store(
          0,
          other.entry([...idsOf("a", OPERATIONS).slice(0, 5), ...idsOf("other", OPERATIONS).slice(5)]),
        );
    }
    await bed.world.run(bed.world.nowMs + 30_000);
    bed.servers.cutOff.delete("us");
    await bed.world.run(bed.world.nowMs + 60_000);
    const expected = (names.length + 1) * OPERATIONS - 5;
    for (const { database } of [eu, us]) {
      const records = [...Array(KEYS).keys()].map((index) => ({
        tenant: TENANT,
        collection: COLLECTION,
        key: `key-${index}`,
      }));
      const slice = database.loadSlice({ partition: 0, records, operations: idsOf("f", OPERATIONS) });
      const sums = records.map((id) => {
        const state = slice.records.get(recordIdText(id))?.fields["likes"];
        return state?.kind === "counter" ? state.sum : 0;
      });
      expect(sums.reduce((sum, each) => sum + each, 0)).toBe(expected);
      expect(slice.operations.size).toBe(OPERATIONS);
    }
  },
);
