/** What a group commit gathers, how much of it at once, and what it refuses. */
import { describe, expect, it } from "vitest";
import { FLUSH_OPERATIONS_MAX, QUEUE_OPERATIONS_MAX } from "../../../services/gateway/group-commit.ts";
import { CommitBed, operation, outcomesOf, range } from "./commit-bed.ts";

describe("group commit", () => {
  it("gathers what comes in one turn, and what comes while a flush is on its way", async () => {
    const bed = new CommitBed();
    const commit = bed.commit();
    const first = range(5).map((number) => commit.append(operation(number), bed.deadline(1_000)));
    await Promise.resolve();
    await Promise.resolve();
    const second = range(7).map((number) => commit.append(operation(10 + number), bed.deadline(1_000)));
    await bed.run(Promise.all([...first, ...second]));
    expect(bed.calls.map((ids) => ids.length)).toEqual([5, 7]);
    expect(bed.flushes).toEqual([5, 7]);
    expect(bed.sequences()).toEqual(range(12).map((index) => index + 1));
  });

  it("flushes no more at once than allowed, each flush in the order in which its writes came", async () => {
    const bed = new CommitBed();
    const commit = bed.commit();
    const appends = range(2 * FLUSH_OPERATIONS_MAX + 10).map((number) =>
      commit.append(operation(number), bed.deadline(1_000)),
    );
    const outcomes = await bed.run(Promise.all(appends));
    expect(bed.flushes.toSorted((one, other) => one - other)).toEqual([
      10,
      FLUSH_OPERATIONS_MAX,
      FLUSH_OPERATIONS_MAX,
    ]);
    const sequences = outcomes.map((outcome) => ("sequence" in outcome ? outcome.sequence : 0));
    expect(sequences.toSorted((one, other) => one - other)).toEqual(outcomes.map((_, index) => index + 1));
    // Two flushes may be on their way at once; what one of them carries stays together.
    for (const from of [0, FLUSH_OPERATIONS_MAX, 2 * FLUSH_OPERATIONS_MAX]) {
      const flush = sequences.slice(from, from + FLUSH_OPERATIONS_MAX);
      expect(flush).toEqual(flush.map((_, index) => flush[0]! + index));
    }
  });

  it("leaves half of the queue to those who write one by one", async () => {
    const bed = new CommitBed();
    const commit = bed.commit();
    const half = QUEUE_OPERATIONS_MAX / 2;
    const bulk = range(half + 1).map((number) =>
      commit.append(operation(number), bed.deadline(60_000), { kind: "bulk" }),
    );
    const write = commit.append(operation(half + 1), bed.deadline(60_000));
    const outcomes = await bed.run(outcomesOf([...bulk, write]));
    expect(outcomes.filter((outcome) => outcome === "accepted").length).toBe(half + 1);
    expect([outcomes[half], outcomes[half + 1]]).toEqual(["overloaded", "accepted"]);
  });

  it("keeps a group in one flush, in its order, whatever waits in front of it", async () => {
    const bed = new CommitBed();
    const commit = bed.commit();
    const append = (number: number, group?: object) =>
      commit.append(operation(number), bed.deadline(5_000), group === undefined ? {} : { group });
    const size = FLUSH_OPERATIONS_MAX - 24;
    const [one, other] = [{}, {}];
    const appends = [
      ...range(50).map((number) => append(number)),
      ...range(size).map((number) => append(10_000 + number, one)),
      ...range(size).map((number) => append(20_000 + number, other)),
    ];
    const outcomes = await bed.run(Promise.all(appends));
    expect(bed.flushes.toSorted((left, right) => left - right)).toEqual([50, size, size]);
    const sequences = outcomes.map((outcome) => ("sequence" in outcome ? outcome.sequence : 0));
    for (const from of [50, 50 + size]) {
      const group = sequences.slice(from, from + size);
      expect(group).toEqual(group.map((_, index) => group[0]! + index));
    }
  });

  it("answers only once the row is there (I1)", async () => {
    const bed = new CommitBed();
    const rowsThen: boolean[] = [];
    const commit = bed.commit();
    const appends = range(20).map(async (number) => {
      const one = operation(number);
      await commit.append(one, bed.deadline(1_000));
      rowsThen.push(bed.first.database.walRows(0).some((row) => row.id === one.id));
    });
    await bed.run(Promise.all(appends));
    expect(rowsThen).toEqual(range(20).map(() => true));
  });

  it("refuses more than may wait, and takes more again afterwards", async () => {
    const bed = new CommitBed();
    const commit = bed.commit();
    const appends = range(QUEUE_OPERATIONS_MAX).map((number) =>
      commit.append(operation(number), bed.deadline(5_000)),
    );
    expect(commit.queued).toBe(QUEUE_OPERATIONS_MAX);
    const error = await bed.refused(commit.append(operation(-1), bed.deadline(5_000)));
    expect(error.code).toBe("overloaded");
    expect(error.details.retryAfterMs).toBeGreaterThan(0);
    await bed.run(Promise.all(appends));
    expect(await outcomesOf([bed.run(commit.append(operation(-1), bed.deadline(5_000)))])).toEqual([
      "accepted",
    ]);
  });

  it("refuses with wal-full when the buffer is full, and appends nothing", async () => {
    const bed = new CommitBed();
    const commit = bed.commit({ pendingRowsMax: 3 });
    await bed.run(
      Promise.all(range(3).map((number) => commit.append(operation(number), bed.deadline(1_000)))),
    );
    const refused = [7, 8].map((number) => commit.append(operation(number), bed.deadline(1_000)));
    expect(await bed.run(outcomesOf(refused))).toEqual(["wal-full", "wal-full"]);
    expect(bed.sequences()).toEqual([1, 2, 3]);
    expect(await bed.run(outcomesOf([commit.append(operation(1), bed.deadline(1_000))]))).toEqual([
      "replayed",
    ]);
  });

  it("lets one id into a flush once: the second is a replay of the first, or another request", async () => {
    const bed = new CommitBed();
    const commit = bed.commit();
    const other = operation(1, { requestHash: "another request" });
    const appends = [operation(1), operation(2), operation(1), other, operation(3)].map((one) =>
      commit.append(one, bed.deadline(1_000)),
    );
    expect(await bed.run(outcomesOf(appends))).toEqual([
      "accepted",
      "accepted",
      "replayed",
      "mismatched",
      "accepted",
    ]);
    expect(bed.sequences()).toEqual([1, 2, 3]);
    for (const ids of bed.calls) expect(new Set(ids).size).toBe(ids.length);
  });

  it("lets nobody wait for ever because of a bug, and works on afterwards", async () => {
    const bed = new CommitBed();
    let isBroken = true;
    const commit = bed.commit({
      append: (append) => (input) => (isBroken ? Promise.reject(new TypeError("a bug")) : append(input)),
    });
    const appends = range(FLUSH_OPERATIONS_MAX + 5).map((number) =>
      commit.append(operation(number), bed.deadline(60_000)),
    );
    const outcomes = await bed.run(outcomesOf(appends));
    expect(new Set(outcomes)).toEqual(new Set(["TypeError: a bug"]));
    isBroken = false;
    expect(await bed.run(outcomesOf([commit.append(operation(1), bed.deadline(1_000))]))).toEqual([
      "accepted",
    ]);
  });

  it("flushes what comes in the very turn in which the flush before ends", async () => {
    for (let turns = 0; turns < 12; turns += 1) {
      const bed = new CommitBed();
      const commit = bed.commit();
      const next = async () => {
        await commit.append(operation(1), bed.deadline(1_000));
        for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
        return commit.append(operation(2), bed.deadline(1_000));
      };
      expect(`${turns} turns: ${(await bed.run(outcomesOf([next()])))[0]}`).toBe(`${turns} turns: accepted`);
    }
  });

  it("keeps the WAL dense with two gateways that append, retry and lose answers", async () => {
    const bed = new CommitBed();
    bed.first.faults.lostAnswers = 0.2;
    const commits = [bed.commit(), bed.commit()];
    const appends = range(300).map(async (number) => {
      for (let turn = 0; turn < number; turn += 1) await Promise.resolve();
      // Some requests come twice, through either gateway.
      return commits[number % 2]!.append(operation(number % 250), bed.deadline(20_000));
    });
    const outcomes = await bed.run(outcomesOf(appends));
    expect(new Set(outcomes)).toEqual(new Set(["accepted", "replayed"]));
    expect(bed.sequences()).toEqual(range(250).map((index) => index + 1));
    const rows = bed.first.database.walRows(0);
    expect(new Set(rows.map((row) => row.id)).size).toBe(250);
    expect(rows.map((row) => row.hlc)).toEqual(rows.map((row) => row.hlc).toSorted());
  });

  it("tells the relay after each flush, and rests when there is nothing to do", async () => {
    const bed = new CommitBed();
    const commit = bed.commit();
    const { appended, clock } = bed.first.options;
    const told = appended.wait({ clock, timeoutMs: 60_000 }).then(() => bed.world.nowMs);
    await bed.run(commit.append(operation(1), bed.deadline(1_000)));
    expect(await bed.run(told)).toBeLessThan(1_000);
    expect(appended.isRecent(bed.world.nowMs)).toBe(true);
    await bed.world.run(bed.world.nowMs + 120_000);
    expect(bed.world.nextAtMs).toBeUndefined();
    expect(commit.queued).toBe(0);
  });
});
