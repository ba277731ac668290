/** While the log has no leader: refused for certain, then at once, and taken again as soon as it is back (I15). */
import { describe, expect, it } from "vitest";
import { partitionOf } from "../../../services/core/partition.ts";
import { GatewayError } from "../../../services/gateway/errors.ts";
import type { LogMetrics } from "../../../services/runtime/log-breaker.ts";
import { silentMetrics } from "../../simulation/metrics.ts";
import { CONTEXT, list, makeBreakers, read, TENANT, write, type Bed } from "./bed.ts";
import {
  acquire,
  credit,
  ending,
  fated,
  FatedLog,
  lease,
  life,
  orderedBed,
  pay,
  transaction,
  twoOrderedRegions,
} from "./ordered.ts";

/** Passed virtual time, which requests that are refused at once do not take. */
async function took(bed: Bed, promise: Promise<unknown>): Promise<number> {
  const startedAtMs = bed.world.nowMs;
  let endedAtMs = startedAtMs;
  const end = () => (endedAtMs = bed.world.nowMs);
  await bed.run(promise.then(end, end));
  return endedAtMs - startedAtMs;
}

const SOON_MS = 20;

describe("without a leader of the log", () => {
  it("the first write is refused for certain, and never takes effect", async () => {
    const bed = await orderedBed();
    const { gateway, log } = fated(bed.first);
    log.fate = "refused";
    const error = await bed.refused(gateway.write(pay()));
    expect(error.code).toBe("no-quorum");
    expect(error.details.retryAfterMs).toBeGreaterThan(0);
    expect(error.details).not.toHaveProperty("expiresAtMs");
    await bed.pass(20_000);
    expect(await bed.refusal(bed.first.gateway.read(read()))).toBe("record-not-found");
  });

  it("whatever comes next is refused at once, without being sent", async () => {
    const bed = await orderedBed();
    const { gateway, log } = fated(bed.first);
    await bed.run(gateway.write(pay({ key: "known" })));
    log.fate = "refused";
    await bed.refusal(gateway.write(pay()));
    const requests: readonly (() => Promise<unknown>)[] = [
      () => gateway.write(pay()),
      () => gateway.remove(life({ key: "known" })),
      () => gateway.restore(life({ key: "known" })),
      () => gateway.transact(transaction([{ key: "ada", inc: { credit: 1 } }])),
      () => gateway.lease(lease(acquire("one"))),
      () => gateway.readLease({ ...CONTEXT, name: "job" }),
      () => gateway.read(read({ key: "known", consistency: "linearizable" })),
      () => gateway.list(list({ consistency: "linearizable" })),
    ];
    const { proposals } = log;
    for (const request of requests) {
      const answer = ending(request());
      expect(await took(bed, answer)).toBeLessThanOrEqual(SOON_MS);
      expect(await answer).toMatchObject({ code: "no-quorum" });
    }
    log.fate = "passed";
    await bed.pass(10_000);
    expect(log.proposals).toBe(proposals);
    expect(await bed.refusal(gateway.read(read()))).toBe("record-not-found");
  });

  it("local writes and local reads go on, and so do reads in a session", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    const { session: seen } = await bed.run(gateway.write(pay()));
    bed.servers.leader = undefined;
    await bed.run(ending(gateway.write(credit(1, { deadlineMs: 500 }))));
    const { session } = await bed.run(gateway.write(write({ session: seen })));
    expect((await bed.run(gateway.read(read()))).pending).toBe(1);
    expect((await bed.run(gateway.list(list()))).records).toHaveLength(1);
    const { fields } = await bed.run(gateway.read(read({ session, consistency: "session" })));
    expect(fields).toEqual({ name: "Ada", status: "paid" });
  });

  it("only the partition without one refuses", async () => {
    const bed = await orderedBed({ partitions: 2 });
    const { gateway, log } = fated(bed.first);
    const keys = Array.from({ length: 20 }, (_, number) => `k${number}`);
    const isIn = (partition: number) => (key: string) =>
      partitionOf({ tenant: TENANT, key }, 2) === partition;
    const [one, other] = [keys.find(isIn(0))!, keys.find(isIn(1))!];
    log.fate = "refused";
    expect(await bed.refusal(gateway.write(pay({ key: one })))).toBe("no-quorum");
    log.fate = "passed";
    expect(await bed.run(gateway.write(pay({ key: other })))).toMatchObject({ status: "committed" });
  });
});

describe("the breaker", () => {
  it("closes by itself when the leader is back, although nobody has asked for anything", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    bed.servers.leader = undefined;
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const answer = await bed.run(ending(gateway.write(pay({ deadlineMs: 3_000 }))));
      expect(answer).toBeInstanceOf(GatewayError);
    }
    expect(await bed.refusal(gateway.write(pay()))).toBe("no-quorum");
    await bed.pass(6_000);
    expect(await took(bed, ending(gateway.write(pay())))).toBeLessThanOrEqual(SOON_MS);
    bed.servers.leader = "eu";
    await bed.pass(2_500);
    expect(await bed.run(gateway.write(credit(1)))).toMatchObject({ status: "committed" });
    const { fields } = await bed.run(gateway.read(read({ consistency: "linearizable" })));
    expect(fields["credit"]).toBe(1);
  });

  it("opens and closes once for each time without a leader, and counts it", async () => {
    const bed = await orderedBed();
    const seen: boolean[] = [];
    const metrics: LogMetrics = {
      ...silentMetrics,
      breaker: (_, { phase }) => {
        if (seen.at(-1) !== (phase !== "closed")) seen.push(phase !== "closed");
      },
    };
    const log = new FatedLog(bed.first);
    const breakers = makeBreakers({ ...bed.first.options, log: log.log }, metrics);
    const gateway = bed.first.anotherGateway({ log: log.log, breakers });
    seen.length = 0;
    for (const round of [1, 2]) {
      log.fate = "refused";
      const writing = Array.from({ length: 5 }, () => ending(gateway.write(pay())));
      for (const answer of await bed.run(Promise.all(writing)))
        expect(answer).toMatchObject({ code: "no-quorum" });
      log.fate = "passed";
      await bed.pass(2_000);
      expect(seen).toEqual(Array.from({ length: round }, () => [true, false]).flat());
    }
  });

  it("keeps its probes apart: the log is not asked all the time", async () => {
    const bed = await orderedBed();
    const { gateway, log } = fated(bed.first);
    log.fate = "refused";
    await bed.refusal(gateway.write(pay()));
    await bed.pass(30_000);
    expect(log.published).toBeGreaterThan(90);
    expect(log.published).toBeLessThan(220);
  });

  it("opens when a publish is slow, and refuses those that wait behind it for certain", async () => {
    const bed = await orderedBed();
    const { gateway, log } = fated(bed.first);
    await bed.run(gateway.write(pay({ key: "warm" })));
    log.fate = "lost";
    const first = ending(gateway.write(pay({ deadlineMs: 10_000 })));
    // Each that waits long enough is sent apart, up to a number.
    for (const key of ["second", "third", "fourth"]) {
      await bed.pass(110);
      void ending(gateway.write(pay({ key, deadlineMs: 10_000 })));
    }
    await bed.pass(110);
    const behind = ending(gateway.write(credit(1, { key: "behind", deadlineMs: 10_000 })));
    expect(await took(bed, behind)).toBeLessThan(2_500);
    expect(await behind).toMatchObject({ code: "no-quorum" });
    log.fate = "passed";
    expect(await bed.run(first)).toMatchObject({ code: "outcome-unknown" });
    await bed.pass(3_000);
    expect(await bed.refusal(gateway.read(read({ key: "behind" })))).toBe("record-not-found");
  });

  it("once it has closed, lets nobody wait for the publishes that had opened it", async () => {
    const bed = await orderedBed();
    const { gateway, log } = fated(bed.first);
    await bed.run(gateway.write(pay({ key: "warm" })));
    log.fate = "lost";
    const hanging = [];
    for (let number = 0; number < 6; number += 1) {
      hanging.push(ending(gateway.write(pay({ key: `k${number}`, deadlineMs: 10_000 }))));
      await bed.pass(300);
    }
    log.fate = "passed";
    await bed.pass(700);
    expect(await took(bed, ending(gateway.write(credit(1))))).toBeLessThanOrEqual(SOON_MS);
    // Nor does it open again when those end.
    for (let round = 0; round < 40; round += 1) {
      expect(await bed.run(gateway.write(credit(1)))).toMatchObject({ status: "committed" });
      await bed.pass(100);
    }
    expect((await bed.run(gateway.read(read()))).fields["credit"]).toBe(41);
    await bed.run(Promise.all(hanging));
  });
});

describe("a linearizable read", () => {
  it("is answered by its deadline, also while its barrier hangs", async () => {
    const bed = await orderedBed();
    const { gateway, log } = fated(bed.first);
    await bed.run(gateway.write(pay()));
    log.fate = "lost";
    const requests: readonly (() => Promise<unknown>)[] = [
      () => gateway.read(read({ consistency: "linearizable", deadlineMs: 700 })),
      () => gateway.readLease({ ...CONTEXT, name: "job", deadlineMs: 700 }),
      () => gateway.list(list({ consistency: "linearizable", deadlineMs: 700 })),
    ];
    for (const request of requests) {
      const answer = ending(request());
      expect(await took(bed, answer)).toBeLessThanOrEqual(800);
      expect(await answer).toMatchObject({ code: "no-quorum" });
    }
  });

  it("in a region that is cut off is refused, rather than answered from the region alone", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    await bed.run(eu.gateway.write(pay()));
    await bed.pass(100);
    bed.servers.cutOff.add("us");
    const request = read({ consistency: "linearizable" });
    expect(await bed.refusal(us.gateway.read(request))).toBe("no-quorum");
    expect((await bed.run(us.gateway.read(read()))).fields).toEqual({ status: "paid" });
    expect((await bed.run(eu.gateway.read(request))).fields).toEqual({ status: "paid" });
    bed.servers.cutOff.delete("us");
    await bed.pass(6_000);
    expect((await bed.run(us.gateway.read(request))).fields).toEqual({ status: "paid" });
  });
});
