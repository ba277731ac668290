/** An entry that can't be decoded stops the fold; what stands before it holds in every region. */
import { expect, it } from "vitest";
import { Bed, write } from "../gateway/bed.ts";

it("what is before a poison entry is folded", async () => {
  const bed = new Bed({ regions: ["eu", "us"] });
  await bed.startAll();
  const [eu, us] = bed.regions as [typeof bed.first, typeof bed.first];
  // us is away for a moment; meanwhile eu's write and then a poison entry land
  bed.servers.cutOff.add("us");
  await bed.run(eu.gateway.write(write({ key: "before", waitCommitted: true })));
  const written = eu.database.readPositions(0).position;
  bed.servers.store(0, Buffer.from("poison"));
  await bed.world.run(bed.world.nowMs + 2_000);
  bed.servers.cutOff.delete("us");
  await bed.world.run(bed.world.nowMs + 60_000);
  expect(us.database.readPositions(0).position).toBeGreaterThanOrEqual(written);
});
