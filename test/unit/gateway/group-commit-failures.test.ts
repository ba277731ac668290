/** What a group commit tells while the store is away, hangs, or leaves in doubt what it has done. */
import { describe, expect, it } from "vitest";
import { idOf } from "./bed.ts";
import { CommitBed, NONE, operation, outcomesOf, range, UNKNOWN } from "./commit-bed.ts";

describe("group commit, where the store fails,", () => {
  it("tries a flush of unknown outcome again under the same ids, and finds what it had appended", async () => {
    const bed = new CommitBed();
    let failures = 2;
    const commit = bed.commit({
      append: (append) => async (input) => {
        const outcomes = await append(input);
        if (failures === 0) return outcomes;
        failures -= 1;
        throw UNKNOWN();
      },
    });
    const appends = range(3).map((number) => commit.append(operation(number), bed.deadline(5_000)));
    // To the client it is the first answer: what was replayed is our own doubtful flush.
    expect(await bed.run(outcomesOf(appends))).toEqual(["accepted", "accepted", "accepted"]);
    expect(bed.calls).toHaveLength(3);
    expect(bed.pressure.counts).toEqual({ begun: 3, ended: 3, appended: 3 });
    // The flush that failed has ended, too.
    expect(bed.first.options.appended.isRecent(bed.world.nowMs + 60_000)).toBe(false);
    expect(new Set(bed.calls.map((ids) => ids.join()))).toEqual(new Set([range(3).map(idOf).join()]));
    expect(bed.sequences()).toEqual([1, 2, 3]);
  });

  it("tells those who waited too long that nothing happened, when that is certain", async () => {
    const bed = new CommitBed();
    bed.first.faults.isDown = true;
    const commit = bed.commit();
    const append = commit.append(operation(1), bed.deadline(300));
    // While the store is away a flush may hang at the deadline; this one never got there.
    const error = await bed.refused(append);
    expect(["store-unavailable", "outcome-unknown"]).toContain(error.code);
    bed.first.faults.isDown = false;
    expect(await bed.run(outcomesOf([commit.append(operation(2), bed.deadline(1_000))]))).toEqual([
      "accepted",
    ]);
    expect(bed.first.database.walRows(0).map((row) => row.id)).toEqual([idOf(2)]);
  });

  it("says store-unavailable between tries that certainly did nothing", async () => {
    const bed = new CommitBed();
    const commit = bed.commit({ append: () => () => Promise.reject(NONE()) });
    const appends = range(3).map((number) => commit.append(operation(number), bed.deadline(300)));
    expect(await bed.run(outcomesOf(appends))).toEqual(range(3).map(() => "store-unavailable"));
  });

  it("says outcome-unknown, and names the operation, once a try may have committed", async () => {
    const bed = new CommitBed();
    let calls = 0;
    const commit = bed.commit({
      append: () => () => Promise.reject((calls += 1) === 1 ? UNKNOWN() : NONE()),
    });
    const error = await bed.refused(commit.append(operation(1), bed.deadline(300)));
    expect(error.code).toBe("outcome-unknown");
    expect(error.details.operation).toBe(idOf(1));
  });

  it("waits for a restart of the store, and refuses at once when it is away for longer", async () => {
    const bed = new CommitBed();
    bed.first.faults.isDown = true;
    const commit = bed.commit();
    const patient = commit.append(operation(1), bed.deadline(20_000));
    await bed.pass(2_000);
    bed.first.faults.isDown = false;
    expect(await bed.run(outcomesOf([patient]))).toEqual(["accepted"]);

    bed.first.faults.isDown = true;
    const first = commit.append(operation(2), bed.deadline(20_000));
    expect((await bed.refused(first)).code).toBe("store-unavailable");
    const startedAtMs = bed.world.nowMs;
    const next = await bed.refused(commit.append(operation(3), bed.deadline(20_000)));
    expect(next).toMatchObject({ code: "store-unavailable", details: { retryAfterMs: 1_000 } });
    expect(bed.world.nowMs - startedAtMs).toBeLessThan(1_000);

    // Back, and away again much later: that is another restart to wait for.
    bed.first.faults.isDown = false;
    expect(await bed.run(outcomesOf([commit.append(operation(4), bed.deadline(1_000))]))).toEqual([
      "accepted",
    ]);
    expect(bed.sequences()).toEqual([1, 2]);
  });

  it("does not hold a failure of long ago against the store", async () => {
    const bed = new CommitBed();
    bed.first.faults.isDown = true;
    const commit = bed.commit();
    await bed.refused(commit.append(operation(1), bed.deadline(200)));
    await bed.pass(60_000);
    const patient = commit.append(operation(2), bed.deadline(10_000));
    await bed.pass(1_000);
    bed.first.faults.isDown = false;
    expect(await bed.run(outcomesOf([patient]))).toEqual(["accepted"]);
  });

  it("answers at the deadline while the store hangs, those in the flush and those behind it", async () => {
    const bed = new CommitBed();
    const commit = bed.commit({ append: () => () => new Promise(() => undefined) });
    const flushing = commit.append(operation(1), bed.deadline(500));
    await bed.world.run(bed.world.nowMs + 50);
    const behind = commit.append(operation(2), bed.deadline(300));
    const startedAtMs = bed.world.nowMs;
    expect(await bed.run(outcomesOf([flushing, behind]))).toEqual(["outcome-unknown", "store-unavailable"]);
    expect(bed.world.nowMs - startedAtMs).toBeLessThan(1_000);
  });

  it("does not append what was refused at its deadline while it waited", async () => {
    const bed = new CommitBed();
    let release: (() => void) | undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const commit = bed.commit({ append: (append) => async (input) => (await held, append(input)) });
    const first = commit.append(operation(1), bed.deadline(10_000));
    await bed.world.run(bed.world.nowMs + 50);
    expect(await bed.refusal(commit.append(operation(2), bed.deadline(200)))).toBe("store-unavailable");
    release!();
    expect(await bed.run(outcomesOf([first]))).toEqual(["accepted"]);
    await bed.world.run(bed.world.nowMs + 5_000);
    expect(bed.calls.flat()).toEqual([idOf(1)]);
  });

  it("does not tell a doubtful write that the buffer was full: it may be in it", async () => {
    const bed = new CommitBed();
    let another: Promise<string[]> | undefined;
    const commit = bed.commit({
      pendingRowsMax: 1,
      append: (append) => async (input) => {
        const outcomes = await append(input);
        if (another !== undefined) return outcomes;
        // It comes while the first is in doubt, and is tried together with it.
        another = outcomesOf([commit.append(operation(2), bed.deadline(5_000))]);
        throw UNKNOWN();
      },
    });
    const appended = commit.append(operation(1), bed.deadline(5_000));
    expect(await bed.run(outcomesOf([appended]))).toEqual(["outcome-unknown"]);
    expect(await bed.run(another!)).toEqual(["wal-full"]);
    expect(bed.first.database.walRows(0).map((row) => row.id)).toEqual([idOf(1)]);
  });

  it("does not tell a doubtful take that rights were lacking: it may arrive yet, and find some", async () => {
    const bed = new CommitBed();
    let isLost = true;
    const left = { field: "stock", here: 0, total: 9 };
    const commit = bed.commit({
      append: () => () => {
        if (!isLost) return Promise.resolve([{ status: "insufficient", left }]);
        isLost = false;
        return Promise.reject(UNKNOWN());
      },
    });
    const take = () => commit.append(operation(1, { takes: { stock: 1 } }), bed.deadline(5_000));
    expect(await bed.run(outcomesOf([take()]))).toEqual(["outcome-unknown"]);
    expect(await bed.run(outcomesOf([take()]))).toEqual(["insufficient"]);
  });
});
