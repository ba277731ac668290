/**
 * A region's database that crashes loses folds that were not on disk yet, and what was told of them is folded again. Until
 * then no reader that was promised it is shown less.
 */
import { describe, expect, it } from "vitest";
import type { Gateway, WriteResult } from "../../../services/gateway/gateway.ts";
import { list, read, TENANT, type Bed } from "./bed.ts";
import { acquire, credit, lease, pay, twoOrderedRegions } from "./ordered.ts";

/** A region whose database has lost the last decision that the region has told. */
async function fallenBack(): Promise<{ bed: Bed; gateway: Gateway; answer: WriteResult }> {
  const { bed, us } = await twoOrderedRegions();
  await bed.run(us.gateway.write(credit(1)));
  await bed.pass(1_500);
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const answer = await bed.run(us.gateway.write(credit(1)));
    const { position } = us.database.readPositions(0);
    us.database.fallBack();
    if (us.database.readPositions(0).position < position) {
      return { bed, gateway: us.gateway, answer };
    }
    await bed.pass(37);
  }
  throw new Error("the database has lost nothing");
}

describe("a database that has fallen back", () => {
  it("shows a session nothing older than it has seen, in reads and in lists", async () => {
    const { bed, gateway, answer } = await fallenBack();
    const { session } = answer;
    const before = await bed.run(gateway.read(read()));
    const after = await bed.run(gateway.read(read({ session, consistency: "session" })));
    expect(after.asOf.sequence).toBeGreaterThan(before.asOf.sequence);
    expect(after.version).toBe(String(answer.position!.sequence));
    const { gateway: other, answer: seen, bed: second } = await fallenBack();
    const page = await second.run(other.list(list({ session: seen.session, consistency: "session" })));
    expect(page.records[0]!.version).toBe(String(seen.position!.sequence));
  });

  it("answers no linearizable read with less than was acknowledged", async () => {
    const { bed, gateway, answer } = await fallenBack();
    const { version } = await bed.run(gateway.read(read({ consistency: "linearizable" })));
    expect(version).toBe(String(answer.position!.sequence));
  });

  it("tells of the operation again what it has told", async () => {
    const { bed, gateway, answer } = await fallenBack();
    await bed.pass(3_000);
    const report = await bed.run(gateway.operation({ tenant: TENANT, id: answer.operation }));
    expect(report).toMatchObject({ status: "committed", position: answer.position });
  });

  it("takes what comes meanwhile, and comes to what the other region has", async () => {
    const { bed, gateway } = await fallenBack();
    const [decided, granted] = await bed.run(
      Promise.all([gateway.write(pay({ key: "bob" })), gateway.lease(lease(acquire("me")))]),
    );
    expect([decided.status, granted.status]).toEqual(["committed", "committed"]);
    await bed.converge();
    await bed.pass(1_500);
    const [eu, us] = bed.regions.map(({ database }) => database.records(0));
    expect(us).toEqual(eu);
  });
});
