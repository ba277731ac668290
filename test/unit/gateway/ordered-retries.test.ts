/** The same authoritative request again, under its idempotency key: it takes effect once, and the answers agree (I4). */
import { describe, expect, it } from "vitest";
import { idempotentOperationId } from "../../../services/core/operation-id.ts";
import { partitionOf } from "../../../services/core/partition.ts";
import { decodeEntry } from "../../../services/protocol/entry-codec.ts";
import { GatewayError } from "../../../services/gateway/errors.ts";
import type { Gateway } from "../../../services/gateway/gateway.ts";
import { FoldFeed } from "../../../services/runtime/fold-feed.ts";
import { read, TENANT, write, type Bed } from "./bed.ts";
import {
  acquire,
  credit,
  ending,
  fated,
  lease,
  life,
  orderedBed,
  pay,
  proposalsAfter,
  standStill,
  transaction,
  twoOrderedRegions,
} from "./ordered.ts";

const KEY = { idempotencyKey: "key-1" };
const ID = idempotentOperationId(TENANT, "key-1");
const ONE = credit(1, KEY);

async function creditIn(bed: Bed, gateway: Gateway): Promise<unknown> {
  return (await bed.run(gateway.read(read({ consistency: "linearizable" })))).fields["credit"];
}

describe("a request that was decided", () => {
  it("is answered again as it was, in any region, and marked as replayed", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const first = await bed.run(eu.gateway.write(ONE));
    expect(first).toMatchObject({ operation: ID, isReplayed: false });
    await bed.pass(100);
    for (const gateway of [eu.gateway, us.gateway, eu.anotherGateway()]) {
      const again = await bed.run(gateway.write(ONE));
      expect(again).toEqual({ ...first, isReplayed: true, session: again.session });
      expect(again.session.positions["0"]).toBe(first.position!.sequence);
    }
    expect(await creditIn(bed, us.gateway)).toBe(1);
  });

  it("against the client is answered again as it was, although it would be for it by now", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const spend = credit(-1, KEY);
    const first = await bed.refused(eu.gateway.write(spend));
    expect(first).toMatchObject({ code: "out-of-bounds", details: { isReplayed: false } });
    await bed.run(eu.gateway.write(credit(5)));
    await bed.pass(100);
    for (const { gateway } of [eu, us]) {
      const again = await bed.refused(gateway.write(spend));
      expect(again.code).toBe(first.code);
      expect(again.message).toBe(first.message);
      const { operation, position, field } = first.details;
      expect(again.details).toMatchObject({ operation, position, field, isReplayed: true });
    }
    expect(await creditIn(bed, us.gateway)).toBe(5);
  });

  it("is answered again while the log has no leader, for and against", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    const done = await bed.run(gateway.write(ONE));
    const refused = credit(-9, { idempotencyKey: "key-2" });
    await bed.refusal(gateway.write(refused));
    bed.servers.leader = undefined;
    await bed.run(ending(gateway.write(pay())));
    expect(await bed.run(gateway.write(ONE))).toMatchObject({ position: done.position, isReplayed: true });
    const again = await bed.refused(gateway.write(refused));
    expect(again).toMatchObject({ code: "out-of-bounds", details: { isReplayed: true } });
  });

  it.each([
    ["write", (gateway: Gateway) => gateway.write(credit(1, KEY))],
    ["delete", (gateway: Gateway) => gateway.remove(life(KEY))],
    ["lease", (gateway: Gateway) => gateway.lease(lease(acquire("one"), KEY))],
    [
      "transaction",
      (gateway: Gateway) => gateway.transact(transaction([{ key: "x", inc: { credit: 1 } }], KEY)),
    ],
  ])("as a %s is sent to the log once only", async (_, send) => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    await bed.run(gateway.write(pay()));
    const end = bed.servers.messages(0).length;
    const first = await bed.run(send(gateway));
    expect(await bed.run(send(gateway))).toMatchObject({ position: first.position, isReplayed: true });
    expect(proposalsAfter(bed, end)).toEqual([1]);
  });
});

describe("another request under the same key", () => {
  const others: readonly (readonly [string, (gateway: Gateway) => Promise<unknown>])[] = [
    ["another body", (gateway) => gateway.write(credit(2, KEY))],
    ["another record", (gateway) => gateway.write(credit(1, { ...KEY, key: "grace" }))],
    ["another condition", (gateway) => gateway.write(credit(1, { ...KEY, version: "*" }))],
    ["a local write", (gateway) => gateway.write(write(KEY))],
    ["a delete", (gateway) => gateway.remove(life(KEY))],
    ["a lease", (gateway) => gateway.lease(lease(acquire("one"), KEY))],
    ["a transaction", (gateway) => gateway.transact(transaction([{ key: "x", inc: { credit: 1 } }], KEY))],
  ];

  it.each(others)("is refused: %s", async (_, send) => {
    const { bed, eu, us } = await twoOrderedRegions();
    await bed.run(eu.gateway.write(ONE));
    await bed.pass(100);
    for (const { gateway } of [eu, us]) {
      const error = await bed.refused(send(gateway));
      expect(error.code).toBe("idempotency-key-reused");
      expect(error.details.operation).toBe(ID);
    }
    expect(await creditIn(bed, eu.gateway)).toBe(1);
  });

  it("is refused also when the log has decided on the first only in between", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await standStill(bed, us);
    await bed.run(eu.gateway.write(ONE));
    const other = us.gateway.write(credit(2, { ...KEY, deadlineMs: 20_000 }));
    const waiting = ending(other);
    await bed.pass(300);
    us.startApplier();
    expect(await bed.run(waiting)).toMatchObject({ code: "idempotency-key-reused" });
    expect(await creditIn(bed, us.gateway)).toBe(1);
  });

  it("is refused at the same time: one of the two takes effect", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const answers = await bed.run(
      Promise.all([ending(eu.gateway.write(credit(3, KEY))), ending(us.gateway.write(credit(4, KEY)))]),
    );
    const codes = answers.map((answer) => (answer instanceof GatewayError ? answer.code : answer.status));
    expect(codes.toSorted()).toEqual(["committed", "idempotency-key-reused"]);
    expect(await creditIn(bed, eu.gateway)).toBe(codes[0] === "committed" ? 3 : 4);
  });

  it("of another tenant is another request (I14)", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    const schema = bed.first.database.readCollections(0)[0]!.schema;
    await bed.run(gateway.putCollection({ ...write(), tenant: "other", name: "users", schema }));
    await bed.run(gateway.write(ONE));
    const theirs = await bed.run(gateway.write({ ...ONE, tenant: "other" }));
    expect(theirs).toMatchObject({ status: "committed", isReplayed: false });
    expect(theirs.operation).not.toBe(ID);
  });
});

describe("a key that was a local write's", () => {
  it("can't be an authoritative one's, in the region that has buffered it", async () => {
    const bed = await orderedBed();
    bed.servers.leader = undefined;
    await bed.run(bed.first.gateway.write(write(KEY)));
    const body = { set: { name: "Ada" }, authoritative: true };
    const error = await bed.refused(bed.first.gateway.write(write({ ...KEY, body })));
    expect(error).toMatchObject({ code: "idempotency-key-reused", details: { operation: ID } });
  });

  it("goes to whichever the log has first, and the other is told so", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    bed.servers.cutOff.add("us");
    const { operation: id } = await bed.run(us.gateway.write(write(KEY)));
    const ordered = await bed.run(eu.gateway.write(ONE));
    expect(ordered).toMatchObject({ operation: id, status: "committed" });
    bed.servers.cutOff.delete("us");
    await bed.converge();
    expect(await bed.run(us.gateway.operation({ tenant: TENANT, id }))).toMatchObject({
      status: "rejected",
      rejection: { code: "precondition" },
    });
    expect(await bed.refusal(us.gateway.write(write(KEY)))).toBe("idempotency-key-reused");
    for (const { gateway } of [eu, us]) {
      expect((await bed.run(gateway.read(read()))).fields).toEqual({ credit: 1, status: "pending" });
    }
  });
});

describe("a request that is sent to two regions", () => {
  it("at the same time takes effect once, and both are told the same", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const [one, other] = await bed.run(Promise.all([eu.gateway.write(ONE), us.gateway.write(ONE)]));
    expect(one.position).toEqual(other.position);
    expect(one.isReplayed).not.toBe(other.isReplayed);
    expect(await creditIn(bed, eu.gateway)).toBe(1);
  });

  it("because the first is cut off takes effect once, and both answers agree in the end", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    bed.servers.cutOff.add("us");
    const cut = ending(us.gateway.write({ ...ONE, deadlineMs: 10_000 }));
    await bed.pass(500);
    const done = await bed.run(eu.gateway.write(ONE));
    expect(done).toMatchObject({ status: "committed", region: "eu" });
    bed.servers.cutOff.delete("us");
    const answer = await bed.run(cut);
    if (answer instanceof GatewayError) expect(["no-quorum", "outcome-unknown"]).toContain(answer.code);
    else expect(answer.position).toEqual(done.position);
    await bed.pass(8_000);
    expect(await bed.run(us.gateway.write(ONE))).toMatchObject({ position: done.position, isReplayed: true });
    for (const { gateway } of [eu, us]) {
      const report = await bed.run(gateway.operation({ tenant: TENANT, id: ID }));
      expect(report).toMatchObject({ status: "committed", region: "eu", position: done.position });
      expect(await creditIn(bed, gateway)).toBe(1);
    }
  });

  it("of which the first tries land late takes effect once, as the try that was in time", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const { gateway, log } = fated(eu);
    log.fate = "lost";
    expect(await bed.refusal(gateway.write({ ...ONE, deadlineMs: 1_000 }))).toBe("outcome-unknown");
    const done = await bed.run(us.gateway.write({ ...ONE, deadlineMs: 20_000 }));
    for (const { partition, data } of log.lost) bed.servers.store(partition, data);
    await bed.pass(2_000);
    log.fate = "passed";
    const again = await bed.run(gateway.write(ONE));
    expect(again).toMatchObject({ position: done.position, isReplayed: true });
    expect(await creditIn(bed, eu.gateway)).toBe(1);
  });

  it("and is dead for the first may take effect by the second, which has a deadline of its own", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const { gateway, log } = fated(eu);
    log.fate = "lost";
    const error = await bed.refused(gateway.write({ ...ONE, deadlineMs: 1_000 }));
    await bed.pass(3_000);
    const question = { tenant: TENANT, id: ID, expiresAtMs: error.details.expiresAtMs };
    expect((await bed.run(eu.gateway.operation(question))).status).toBe("expired");
    expect(await bed.run(us.gateway.write(ONE))).toMatchObject({ status: "committed", isReplayed: false });
    expect((await bed.run(eu.gateway.operation(question))).status).toBe("committed");
    expect(await creditIn(bed, eu.gateway)).toBe(1);
  });

  it("through a process that doesn't hear the applier is marked as replayed all the same", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    const deaf = us.anotherGateway({ folded: new FoldFeed() });
    await standStill(bed, us);
    const done = await bed.run(eu.gateway.write(ONE));
    const again = deaf.write({ ...ONE, deadlineMs: 20_000 });
    await bed.pass(300);
    us.startApplier();
    expect(await bed.run(again)).toMatchObject({ position: done.position, isReplayed: true });
  });
});

it("a request without a key is another request each time", async () => {
  const bed = await orderedBed({ partitions: 2 });
  const { gateway } = bed.first;
  await bed.run(gateway.write(credit(1)));
  await bed.run(gateway.write(credit(1)));
  const partition = partitionOf({ tenant: TENANT, key: "ada" }, 2);
  const ids = bed.servers
    .messages(partition)
    .map(({ data }) => decodeEntry(data).entry)
    .flatMap((entry) => (entry.kind === "propose" ? entry.proposals.map(({ id }) => id) : []));
  expect(new Set(ids).size).toBe(2);
  expect((await bed.run(gateway.read(read()))).fields["credit"]).toBe(2);
});
