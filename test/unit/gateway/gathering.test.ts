/** Proposals gather while publishes are on their way: few entries for many requests, and no queue without a bound (I15). */
import { describe, expect, it } from "vitest";
import { partitionOf } from "../../../services/core/partition.ts";
import { GatewayError } from "../../../services/gateway/errors.ts";
import { ENOUGH } from "../../../services/gateway/decisions/proposal-pace.ts";
import {
  PROPOSAL_CHARACTERS_MAX,
  Proposer,
  PROPOSALS_MAX,
  QUEUE_CHARACTERS_MAX,
  QUEUE_MAX,
} from "../../../services/gateway/decisions/proposer.ts";
import { decodeEntry } from "../../../services/protocol/entry-codec.ts";
import { FoldFeed } from "../../../services/runtime/fold-feed.ts";
import { list, makeBreakers, read, TENANT, write } from "./bed.ts";
import {
  acquire,
  credit,
  ending,
  FatedLog,
  lease,
  orderedBed,
  pay,
  proposalsAfter,
  standStill,
  twoOrderedRegions,
} from "./ordered.ts";

/** How long a publish to a log that is near may take before another goes beside it. */
const LANE_AFTER_MS = 100;
/** Less than it gathers for. */
const SOON_MS = 10;

const numbers = (count: number) => Array.from({ length: count }, (_, number) => number);

describe("authoritative writes at the same time", () => {
  it("go to the log in few entries, and each gets its own answer", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    await bed.run(gateway.write(credit(50)));
    const end = bed.servers.messages(0).length;
    const writing = numbers(200).map((number) =>
      ending(gateway.write(credit(-1, { key: `k${number % 2}` }))),
    );
    const poor = await bed.run(Promise.all(writing));
    for (const answer of poor) expect(answer).toMatchObject({ code: "out-of-bounds" });
    const spending = numbers(200).map(() => ending(gateway.write(credit(-1))));
    const answers = await bed.run(Promise.all(spending));
    const refused = answers.filter((answer) => answer instanceof GatewayError);
    expect(refused).toHaveLength(150);
    expect((await bed.run(gateway.read(read()))).fields["credit"]).toBe(0);
    const counts = proposalsAfter(bed, end);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(400);
    expect(counts.length).toBeLessThanOrEqual(12);
  });

  it("of all sorts share an entry, and are decided in the order in which they came", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    await bed.run(gateway.write(pay({ key: "warm" })));
    const end = bed.servers.messages(0).length;
    const answers = await bed.run(
      Promise.all([
        ending(gateway.write(credit(1, { key: "warm" }))),
        ending(gateway.write(credit(1, { key: "warm", body: { set: { credit: 7 } } }))),
        ending(gateway.lease(lease(acquire("one")))),
        ending(gateway.lease(lease(acquire("two")))),
        ending(gateway.read(read({ key: "warm", consistency: "linearizable" }))),
      ]),
    );
    expect(answers).toMatchObject([
      { results: [{ fields: { credit: 1 } }] },
      { status: "committed" },
      { status: "committed" },
      { code: "lease-held" },
      { key: "warm" },
    ]);
    expect(proposalsAfter(bed, end).length).toBeLessThanOrEqual(3);
    expect((await bed.run(gateway.read(read({ key: "warm" })))).fields["credit"]).toBe(7);
  });

  it("that one entry can't take go in several", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    const end = bed.servers.messages(0).length;
    const long = "x".repeat(40_000);
    const writing = numbers(20).map((number) =>
      gateway.write(write({ key: `k${number}`, body: { set: { name: long, credit: 1 } } })),
    );
    for (const result of await bed.run(Promise.all(writing))) expect(result.status).toBe("committed");
    const counts = proposalsAfter(bed, end);
    expect(Math.max(...counts)).toBeLessThanOrEqual(4);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(20);
  });

  it("leave no request behind while the log is slow", async () => {
    const { bed, eu, us } = await twoOrderedRegions();
    bed.faults.jitterMs = 300;
    const end = bed.servers.messages(0).length;
    const writing = numbers(300).map((number) => {
      const { gateway } = number % 2 === 0 ? eu : us;
      return gateway.write(credit(1, { key: `k${number}`, deadlineMs: 10_000 }));
    });
    for (const result of await bed.run(Promise.all(writing))) expect(result.status).toBe("committed");
    expect(proposalsAfter(bed, end).length).toBeLessThanOrEqual(20);
  });
});

describe("linearizable reads at the same time", () => {
  it("share a barrier, which holds no proposal", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    await bed.run(gateway.write(pay()));
    const end = bed.servers.messages(0).length;
    const reading = numbers(100).map(() => gateway.read(read({ consistency: "linearizable" })));
    for (const { fields } of await bed.run(Promise.all(reading))) expect(fields["status"]).toBe("paid");
    const counts = proposalsAfter(bed, end);
    expect(counts.length).toBeLessThanOrEqual(5);
    expect(counts.every((count) => count === 0)).toBe(true);
  });

  it("that come while one is on its way share the next: that one may be too early for them", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    await bed.run(gateway.write(pay()));
    bed.faults.jitterMs = 200;
    const end = bed.servers.messages(0).length;
    const first = gateway.read(read({ consistency: "linearizable" }));
    // Past the reads of the catalog and of the members: the barrier is on its way.
    await bed.pass(20);
    const later = numbers(10).map(() => gateway.list(list({ consistency: "linearizable" })));
    const { session } = await bed.run(first);
    const sessions = (await bed.run(Promise.all(later))).map((listed) => listed.session.positions["0"]!);
    expect(proposalsAfter(bed, end)).toEqual([0, 0]);
    const barriers = bed.servers
      .messages(0)
      .filter(({ data, position }) => position > end && decodeEntry(data).entry.kind === "propose")
      .map(({ position }) => position);
    expect(session.positions["0"]).toBeGreaterThanOrEqual(barriers[0]!);
    expect(Math.min(...sessions)).toBeGreaterThanOrEqual(barriers[1]!);
  });

  it("by list take one barrier for each partition, by read only that of the key", async () => {
    const bed = await orderedBed({ partitions: 4 });
    const { gateway } = bed.first;
    await bed.run(gateway.write(pay()));
    const ends = numbers(4).map((partition) => bed.servers.messages(partition).length);
    const own = partitionOf({ tenant: TENANT, key: "ada" }, 4);
    const barriers = () => numbers(4).map((partition) => proposalsAfter(bed, ends[partition]!, partition));
    await bed.run(gateway.read(read({ consistency: "linearizable" })));
    expect(barriers()).toEqual(numbers(4).map((partition) => (partition === own ? [0] : [])));
    await bed.run(gateway.list(list({ consistency: "linearizable" })));
    expect(barriers()).toEqual(numbers(4).map((partition) => (partition === own ? [0, 0] : [0])));
  });
});

/** A proposer of its own, over a log that the test controls. */
async function fatedProposer() {
  const bed = await orderedBed();
  const log = new FatedLog(bed.first);
  const options = { ...bed.first.options, log: log.log };
  const proposer = new Proposer({ ...options, breakers: makeBreakers(options) }, 0);
  return { bed, proposer, log, deadlineAtMs: bed.world.nowMs + 60_000 };
}

describe("the proposer", () => {
  async function proposerOf() {
    const bed = await orderedBed();
    const proposer = new Proposer(bed.first.options, 0);
    return { bed, proposer, deadlineAtMs: bed.world.nowMs + 60_000 };
  }

  it("keeps nobody behind a publish that is lost, also where it began to wait behind another", async () => {
    const { bed, proposer, log, deadlineAtMs } = await fatedProposer();
    await bed.run(proposer.publish(undefined, deadlineAtMs));
    // A takes its time, and B waits behind it.
    log.delayMs = 40;
    const answered = [proposer.publish(undefined, deadlineAtMs)];
    await bed.pass(2);
    log.delayMs = 0;
    answered.push(proposer.publish(undefined, deadlineAtMs));
    await bed.pass(88);
    expect(log.published).toBe(3);
    // C goes alone, and D waits behind it: for as long as another publish may take, and not for the end of C's.
    log.fate = "lost";
    void ending(proposer.publish(undefined, deadlineAtMs));
    await bed.pass(5);
    expect(log.published).toBe(4);
    log.fate = "passed";
    answered.push(proposer.publish(undefined, deadlineAtMs));
    const askedAtMs = bed.world.nowMs;
    await bed.run(Promise.all(answered));
    expect(bed.world.nowMs - askedAtMs).toBeLessThanOrEqual(LANE_AFTER_MS + 10);
  });

  it("waits for those who were answered from the first that is back on", async () => {
    const { bed, proposer, log, deadlineAtMs } = await fatedProposer();
    log.delayMs = 12;
    let answered = 0;
    for (let client = 0; client < 8; client += 1)
      void proposer.publish(undefined, deadlineAtMs).then(() => (answered += 1));
    // The first is back later than they would wait for each other.
    await bed.pass(30);
    expect(answered).toBe(8);
    const end = bed.servers.messages(0).length;
    const back: Promise<unknown>[] = [];
    for (let client = 0; client < 5; client += 1) {
      back.push(proposer.publish(undefined, deadlineAtMs));
      await bed.pass(1);
    }
    expect(log.published).toBe(1);
    await bed.run(Promise.all(back));
    expect([log.published, bed.servers.messages(0).length]).toEqual([2, end + 1]);
  });

  it("waits for them also where the last entry took so long that another might go beside it", async () => {
    const { bed, proposer, log, deadlineAtMs } = await fatedProposer();
    await bed.run(proposer.publish(undefined, deadlineAtMs));
    await bed.pass(LANE_AFTER_MS);
    log.delayMs = 85;
    for (let client = 0; client < 8; client += 1) void proposer.publish(undefined, deadlineAtMs);
    // The entry was sent more than 100 ms ago when the first is back.
    await bed.pass(LANE_AFTER_MS + 5);
    expect(log.published).toBe(2);
    const end = bed.servers.messages(0).length;
    const back: Promise<unknown>[] = [];
    for (let client = 0; client < 8; client += 1) {
      back.push(proposer.publish(undefined, deadlineAtMs));
      await bed.pass(0.5);
    }
    await bed.run(Promise.all(back));
    expect([log.published, bed.servers.messages(0).length]).toEqual([3, end + 1]);
  });

  it("sends what comes late at once, where nobody has come back", async () => {
    const { bed, proposer, log, deadlineAtMs } = await fatedProposer();
    log.delayMs = 12;
    await bed.run(Promise.all(numbers(8).map(() => proposer.publish(undefined, deadlineAtMs))));
    await bed.pass(50);
    void proposer.publish(undefined, deadlineAtMs);
    await bed.pass(0);
    expect(log.published).toBe(2);
  });

  it.each([
    ["characters", PROPOSAL_CHARACTERS_MAX / 4, 5],
    ["proposals", 1, ENOUGH],
  ])("gathers no longer once the next entry holds enough %s", async (_, characters, count) => {
    const bed = await orderedBed();
    // What they say doesn't matter: nothing is folded, so that the next entry gathers for as long as it may.
    await standStill(bed, bed.first);
    const folded = new FoldFeed();
    const proposer = new Proposer({ ...bed.first.options, folded }, 0);
    folded.tell({ partition: 0, position: 0, logTimeMs: 0, origins: {}, outcomes: [], durationMs: 5 });
    const deadlineAtMs = bed.world.nowMs + 60_000;
    let isFirstSent = false;
    void proposer.publish(undefined, deadlineAtMs).then(() => (isFirstSent = true));
    await bed.pass(SOON_MS);
    expect(isFirstSent).toBe(true);
    const end = bed.servers.messages(0).length;
    const line = "x".repeat(characters);
    const waiting = numbers(count).map(() => proposer.publish(line, deadlineAtMs));
    await bed.pass(SOON_MS);
    expect(bed.servers.messages(0).length).toBe(end + 1);
    await bed.run(Promise.all(waiting));
  });

  it("takes no more than may wait, says so at once, and takes more once they are gone", async () => {
    const { bed, proposer, deadlineAtMs } = await proposerOf();
    const waiting = numbers(QUEUE_MAX).map(() => proposer.publish(undefined, deadlineAtMs));
    const error = await bed.refused(proposer.publish(undefined, deadlineAtMs));
    expect(error.code).toBe("overloaded");
    expect(error.details.retryAfterMs).toBeGreaterThan(0);
    await bed.run(Promise.all(waiting));
    expect(await bed.run(proposer.publish(undefined, deadlineAtMs))).toEqual({
      position: bed.servers.messages(0).length,
    });
  });

  it("takes no more characters than may wait, either", async () => {
    const { bed, proposer, deadlineAtMs } = await proposerOf();
    // Nothing is folded: what they say doesn't matter.
    bed.first.stopRoles();
    await bed.pass(3_500);
    const line = "x".repeat(QUEUE_CHARACTERS_MAX / 8);
    const waiting = numbers(8).map(() => proposer.publish(line, deadlineAtMs));
    expect(await bed.refusal(proposer.publish("x", deadlineAtMs))).toBe("overloaded");
    await bed.run(Promise.all(waiting));
    expect(await bed.run(proposer.publish("x", deadlineAtMs))).toHaveProperty("position");
  });

  it("puts no more into an entry than an entry may hold, and keeps their order", async () => {
    const { bed, proposer, deadlineAtMs } = await proposerOf();
    const end = bed.servers.messages(0).length;
    const barriers = numbers(PROPOSALS_MAX + 1).map(() => proposer.publish(undefined, deadlineAtMs));
    const published = await bed.run(Promise.all(barriers));
    const positions = published.map((one) => (one === "unknown" ? 0 : one.position));
    expect(new Set(positions)).toEqual(new Set([end + 1, end + 2]));
    expect(positions.toSorted((one, other) => one - other)).toEqual(positions);
  });

  it("doesn't send what nobody waits for any more", async () => {
    const { bed, proposer } = await proposerOf();
    bed.faults.jitterMs = 500;
    const end = bed.servers.messages(0).length;
    const first = proposer.publish(undefined, bed.world.nowMs + 10_000);
    // The first is on its way; this one waits for the next entry, and longer than its client does.
    await bed.pass(0);
    const late = proposer.publish("late", bed.world.nowMs + 1);
    expect(await bed.refusal(late)).toBe("no-quorum");
    await bed.run(first);
    await bed.pass(3_000);
    expect(proposalsAfter(bed, end)).toEqual([0]);
  });
});
