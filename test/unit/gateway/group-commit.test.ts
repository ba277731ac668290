import { afterEach, describe, expect, it } from "vitest";
import { GatewayError } from "../../../services/gateway/errors.ts";
import {
  FLUSH_OPERATIONS_MAX,
  GroupCommit,
  QUEUE_OPERATIONS_MAX,
  type GroupCommitOptions,
} from "../../../services/gateway/group-commit.ts";
import {
  StoreUnavailableError,
  type AppendOutcome,
  type WalAppend,
  type WriteAheadLog,
} from "../../../services/ports/region-store.ts";
import { Bed, COLLECTION, idOf, overriding, TENANT } from "./bed.ts";
import { CountedPressure } from "./counted-pressure.ts";

type Append = WriteAheadLog["append"];

const pressures: CountedPressure[] = [];

/** A gateway's group commit on a region's simulated database. */
class CommitBed extends Bed {
  /** Ids of each call to the store. */
  readonly calls: string[][] = [];
  flushes: number[] = [];
  readonly pressure = new CountedPressure();

  constructor() {
    super();
    pressures.push(this.pressure);
  }

  commit(changes: Partial<GroupCommitOptions> & { append?: (append: Append) => Append } = {}): GroupCommit {
    const { append: wrap, ...options } = changes;
    const { store } = this.first.options;
    const append: Append = (input) => {
      this.calls.push(input.operations.map((one) => one.id));
      return store.append(input);
    };
    const metrics = {
      ...this.first.options.metrics,
      flushed: ({ operations }: { operations: number }) => this.flushes.push(operations),
    };
    return new GroupCommit({
      ...this.first.options,
      partition: 0,
      metrics,
      walPressure: this.pressure,
      ...options,
      store: overriding(store, { append: wrap === undefined ? append : wrap(append) }),
    });
  }

  deadline(inMs: number): number {
    return this.world.nowMs + inMs;
  }

  sequences(): number[] {
    return this.first.database.walRows(0).map((row) => row.sequence);
  }
}

function operation(number: number, changes: Partial<WalAppend> = {}): WalAppend {
  const body = `[["name","lww","set",${number}]]`;
  return {
    id: idOf(number),
    tenant: TENANT,
    collection: COLLECTION,
    key: `k${number}`,
    requestHash: body,
    body,
    ...changes,
  };
}

function codeOf(error: unknown): string {
  return error instanceof GatewayError ? error.code : String(error);
}

/** What became of each: its status, or the code of its refusal. */
function outcomesOf(promises: readonly Promise<AppendOutcome>[]): Promise<string[]> {
  return Promise.all(promises.map((promise) => promise.then(({ status }) => status, codeOf)));
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

const UNKNOWN = () => new StoreUnavailableError("the connection broke", { outcome: "unknown" });
const NONE = () => new StoreUnavailableError("nobody answers", { outcome: "none" });

describe("group commit", () => {
  afterEach(() => {
    for (const { counts } of pressures.splice(0))
      expect(counts.ended, "each append ends once").toBe(counts.begun);
  });

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
