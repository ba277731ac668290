/** A map at its limit, emptied: what is left of its entries must not count for ever. */
import { expect, it } from "vitest";
import { FIELD_ENTRIES_MAX } from "../../../services/core/fields/kind.ts";
import { Bed, read, write } from "./bed.ts";

it("a map that was emptied takes entries again", async () => {
  const bed = new Bed({ regions: ["eu"] });
  await bed.startAll({ fields: { settings: { class: "merge", kind: "map" } } });
  const eu = bed.first;
  const names = Array.from({ length: FIELD_ENTRIES_MAX }, (_, index) => `e${index}`);
  const put = (entries: object) =>
    write({ key: "m", body: { put: { settings: entries } }, waitCommitted: true });
  await bed.run(eu.gateway.write(put(Object.fromEntries(names.map((name) => [name, 1])))));
  const dropped = await bed.run(
    eu.gateway.write(write({ key: "m", body: { drop: { settings: names } }, waitCommitted: true })),
  );
  expect(dropped.status).toBe("committed");
  const statuses: string[] = [];
  for (let i = 0; i < 4; i += 1) {
    await bed.world.run(bed.world.nowMs + 30_000);
    statuses.push((await bed.run(eu.gateway.write(put({ [`new${i}`]: 1 })))).status);
  }
  const shown = await bed.run(eu.gateway.read(read({ key: "m" })));
  expect(shown.fields["settings"]).toEqual({ new0: 1, new1: 1, new2: 1, new3: 1 });
  expect(statuses).toEqual(["committed", "committed", "committed", "committed"]);
});
