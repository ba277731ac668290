/** A session's writes take effect in its order, whichever way they go in, and in whichever regions they are sent. */
import { describe, expect, it } from "vitest";
import { EMPTY_SESSION, seenPosition, seenWal } from "../../../services/core/session.ts";
import { read, write } from "./bed.ts";
import {
  credit,
  ending,
  life,
  orderedBed,
  pay,
  standStill,
  transaction,
  twoOrderedRegions,
} from "./ordered.ts";

const named = (name: string) => write({ body: { set: { name } } });
const ifNamed = (name: string) => ({ set: { status: "paid" }, if: { fields: { name } } });

describe("an authoritative write after a local one of its session", () => {
  it("sees its effect in the condition, although the region had only buffered it", async () => {
    const { bed, eu } = await twoOrderedRegions();
    await standStill(bed, eu);
    eu.startApplier();
    const { session } = await bed.run(eu.gateway.write(named("Ada")));
    const paying = eu.gateway.write(pay({ session, body: ifNamed("Ada"), deadlineMs: 20_000 }));
    await bed.pass(1_000);
    eu.startRelay();
    const result = await bed.run(paying);
    expect(result).toMatchObject({ status: "committed" });
    expect(result.session.wal).toEqual({});
  });

  it("sees it in another region, which has to fold it first", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    bed.servers.cutOff.add("eu");
    const { session } = await bed.run(eu.gateway.write(named("Ada")));
    const paying = us.gateway.write(pay({ session, body: ifNamed("Ada"), deadlineMs: 20_000 }));
    await bed.pass(1_000);
    bed.servers.cutOff.delete("eu");
    expect(await bed.run(paying)).toMatchObject({ status: "committed" });
  });

  it("comes after it without a condition, too: what was said last counts", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    bed.servers.cutOff.add("eu");
    const { session } = await bed.run(eu.gateway.write(named("first")));
    const body = { set: { name: "second" }, authoritative: true };
    const deciding = us.gateway.write(write({ session, body, deadlineMs: 20_000 }));
    await bed.pass(500);
    bed.servers.cutOff.delete("eu");
    await bed.run(deciding);
    await bed.converge();
    for (const { gateway } of [eu, us]) {
      expect((await bed.run(gateway.read(read()))).fields["name"]).toBe("second");
    }
  });

  it("without its session is decided at once, and may come before it", async () => {
    const { bed, eu } = await twoOrderedRegions();
    await standStill(bed, eu);
    eu.startApplier();
    await bed.run(eu.gateway.write(named("Ada")));
    expect(await bed.refusal(eu.gateway.write(pay({ body: ifNamed("Ada") })))).toBe("precondition-failed");
  });

  it("is refused, and certainly not sent, when the region has not folded it by the deadline", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    bed.servers.cutOff.add("eu");
    const { session } = await bed.run(eu.gateway.write(named("Ada")));
    const requests: readonly (() => Promise<unknown>)[] = [
      () => us.gateway.write(credit(1, { session, deadlineMs: 700 })),
      () => us.gateway.remove(life({ session, deadlineMs: 700 })),
      () => us.gateway.restore(life({ session, deadlineMs: 700 })),
      () =>
        us.gateway.transact(transaction([{ key: "ada", inc: { credit: 1 } }], { session, deadlineMs: 700 })),
    ];
    for (const request of requests) {
      const startedAtMs = bed.world.nowMs;
      const error = await bed.refused(request());
      expect(error.code).toBe("session-behind");
      expect(error.details.retryAfterMs).toBeGreaterThan(0);
      expect(error.details).not.toHaveProperty("expiresAtMs");
      expect(bed.world.nowMs - startedAtMs).toBeLessThanOrEqual(800);
    }
    bed.servers.cutOff.delete("eu");
    await bed.converge();
    expect((await bed.run(us.gateway.read(read()))).fields).toEqual({ name: "Ada", status: "pending" });
  });

  it("waits for its own partition only", async () => {
    const bed = await orderedBed({ partitions: 4 });
    const { gateway } = bed.first;
    const { position } = await bed.run(gateway.write(credit(1)));
    const far = (position!.partition + 1) % 4;
    for (const session of [seenPosition(far, 1_000_000), seenWal("eu", far, 9)]) {
      expect(await bed.run(gateway.write(credit(1, { session })))).toMatchObject({ status: "committed" });
    }
    const here = seenPosition(position!.partition, 1_000_000);
    const behind = gateway.write(credit(1, { session: here, deadlineMs: 300 }));
    expect(await bed.refusal(behind)).toBe("session-behind");
  });
});

describe("a session of authoritative writes", () => {
  it("goes on in another region where it was, and back", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    let session = EMPTY_SESSION;
    for (let round = 1; round <= 6; round += 1) {
      const region = round % 2 === 0 ? us : eu;
      const body = { inc: { credit: 1 }, ...(round > 1 && { if: { fields: { credit: round - 1 } } }) };
      ({ session } = await bed.run(region.gateway.write(write({ session, body }))));
      const elsewhere = region === us ? eu : us;
      const seen = await bed.run(elsewhere.gateway.read(read({ session, consistency: "session" })));
      expect(seen.fields["credit"]).toBe(round);
    }
    expect(session.wal).toEqual({});
  });

  it("that was refused has seen as much of the log as one that was not", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    bed.servers.cutOff.add("us");
    await bed.run(eu.gateway.write(credit(1)));
    const { details } = await bed.refused(eu.gateway.write(credit(1, { version: null })));
    const request = read({ session: details.session!, consistency: "session", deadlineMs: 20_000 });
    const reading = ending(us.gateway.read(request));
    await bed.pass(500);
    bed.servers.cutOff.delete("us");
    expect(await bed.run(reading)).toMatchObject({ fields: { credit: 1 } });
  });

  it("buffers a local write after it, which wins over it everywhere", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const body = { set: { name: "decided" }, authoritative: true };
    const { session } = await bed.run(eu.gateway.write(write({ body })));
    bed.servers.leader = undefined;
    const later = await bed.run(eu.gateway.write({ ...named("later"), session }));
    expect((await bed.run(eu.gateway.read(read()))).fields["name"]).toBe("later");
    bed.servers.leader = "eu";
    await bed.converge();
    const request = read({ session: later.session, consistency: "session" });
    expect((await bed.run(us.gateway.read(request))).fields["name"]).toBe("later");
  });
});
