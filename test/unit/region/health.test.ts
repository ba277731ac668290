import { describe, expect, it } from "vitest";
import {
  INITIAL_ORIGIN,
  initialPartitionState,
  type PartitionState,
} from "../../../services/core/fold/state.ts";
import type { WalTrouble } from "../../../services/ports/own-wal.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import type { WalHead } from "../../../services/ports/region-store.ts";
import { Health } from "../../../services/region/health.ts";
import { streamReplicas } from "../../../services/region/stream-replicas.ts";

const LOG_PROBLEM = "the log can't be connected";

function makeHealth() {
  let nowMs = 0;
  const looks: string[] = [];
  const stop = new AbortController();
  const store = {
    cluster: null as string | null,
    failure: undefined as Error | undefined,
    isReadOnly: false,
    databaseAheadMs: 0,
    clockSkewMs: 0,
    stampMs: 0,
    beforeAnswer: (): unknown => undefined,
    origins: { eu: INITIAL_ORIGIN } as PartitionState["origins"],
    trouble: undefined as WalTrouble | undefined,
  };
  const health = new Health({
    region: "eu",
    partitions: 1,
    clock: {
      nowMs: () => nowMs,
      monotonicMs: () => nowMs,
      turn: async () => undefined,
      after: () => () => undefined,
      sleep: async () => stop.abort(),
    },
    metrics: { observed: () => undefined, clockOff: () => undefined },
    walPressure: {
      asked: (partition) => void looks.push(`asked ${partition}`),
      observed: (partition, { sequence }) => void looks.push(`observed ${partition} at ${sequence}`),
    },
    clockSkewMs: () => store.clockSkewMs,
    logProblem: () => LOG_PROBLEM,
  });
  const look = async () => {
    if (stop.signal.aborted) throw new Error("a stopped health looks no more");
    await health.watch(
      {
        readPositions: async () => {
          if (store.failure !== undefined) throw store.failure;
          const origins = store.cluster === null ? {} : store.origins;
          return { ...initialPartitionState(0), cluster: store.cluster, origins };
        },
        walHead: async () => {
          const head: WalHead = {
            sequence: 0,
            hlc: hlcFromMilliseconds(store.stampMs),
            pendingRows: 0,
            pendingBytes: 0,
            oldestPendingAtMs: undefined,
            nowMs: nowMs + store.databaseAheadMs,
            ...(store.isReadOnly && { isReadOnly: true }),
            ...(store.trouble && { trouble: store.trouble }),
          };
          store.beforeAnswer();
          return head;
        },
      },
      stop.signal,
    );
  };
  return { health, store, looks, look, pass: (ms: number) => (nowMs += ms) };
}

describe("a look at the database", () => {
  it("is told to the WAL's pressure when it is asked for, and when it has come back", async () => {
    const { store, looks, look } = makeHealth();
    store.beforeAnswer = () => looks.push("the database looks");
    await look();
    expect(looks).toEqual(["asked 0", "the database looks", "observed 0 at 0"]);
  });

  it("that fails tells the WAL's pressure nothing of what is there", async () => {
    const { store, looks, look } = makeHealth();
    store.failure = new Error("connection refused");
    await look();
    expect(looks).toEqual(["asked 0"]);
  });
});

describe("a region process is not ready", () => {
  it("while its region takes no part, or its WAL is not the log's", async () => {
    const cases = [
      { origins: {}, says: "eu is no member" },
      { trouble: { kind: "displaced", id: "x" } as const, says: "another database" },
      { trouble: { kind: "rejoining", id: "x" } as const, says: "waits for the log" },
    ];
    for (const { says, ...wrong } of cases) {
      const { health, store, look } = makeHealth();
      health.starting(undefined);
      Object.assign(store, { cluster: "c", ...wrong });
      await look();
      expect(health.reasons()).toEqual([expect.stringContaining(says)]);
    }
  });

  it("while it starts", () => {
    const { health } = makeHealth();
    expect(health.reasons()).toEqual(["the process is starting"]);
    health.starting("the database can't be reached");
    expect(health.reasons()).toEqual(["the database can't be reached"]);
  });

  it("before the database has answered", () => {
    const { health } = makeHealth();
    health.starting(undefined);
    expect(health.reasons()).toEqual(["the database has not answered yet"]);
  });

  it("while the database fails, and says how", async () => {
    const { health, store, look } = makeHealth();
    health.starting(undefined);
    store.failure = new Error("connection refused");
    await look();
    expect(health.reasons()).toEqual(["the database does not answer: Error: connection refused"]);
  });

  it("before its fold has passed the genesis, and says what may be in the way", async () => {
    const { health, look } = makeHealth();
    health.starting(undefined);
    await look();
    expect(health.reasons()).toEqual([
      `partition 0 has not folded its log's first entry yet: ${LOG_PROBLEM}`,
    ]);
  });

  it("when its last look at the database is too long ago", async () => {
    const { health, store, look, pass } = makeHealth();
    health.starting(undefined);
    store.cluster = "c";
    await look();
    expect(health.reasons()).toEqual([]);
    pass(5_001);
    expect(health.reasons()).toEqual(["the database has not answered for 5 s"]);
  });

  it("while its database takes no writes", async () => {
    const { health, store, look } = makeHealth();
    health.starting(undefined);
    store.cluster = "c";
    store.isReadOnly = true;
    await look();
    expect(health.reasons()).toEqual(["the database takes no writes: it is read-only"]);
  });

  it("while its region's stamps are ahead of everybody's: a clock was wrong, and they only rise", async () => {
    const { health, store, look } = makeHealth();
    health.starting(undefined);
    const origin = (leadMs: number) => ({ ...INITIAL_ORIGIN, hlc: hlcFromMilliseconds(leadMs) });
    Object.assign(store, { cluster: "c", stampMs: 3_600_000 });
    store.origins = { eu: origin(3_600_000), us: origin(0) };
    await look();
    expect(health.reasons()).toEqual([
      "this region's last stamp is 3600.0 s ahead of those of all other regions; a clock was wrong, and stamps only rise: time has to catch up",
    ]);
    expect(health.clockDoubt()).toMatchObject({ aheadMs: 3_600_000 });
  });

  it.each([
    ["others are there too", 3_600_000, 3_599_500],
    ["it is as far as clocks may differ", 1_000, 0],
  ])("but not where %s", async (_, ownMs, otherMs) => {
    const { health, store, look } = makeHealth();
    health.starting(undefined);
    const origin = (leadMs: number) => ({ ...INITIAL_ORIGIN, hlc: hlcFromMilliseconds(leadMs) });
    Object.assign(store, { cluster: "c", stampMs: ownMs });
    store.origins = { eu: origin(ownMs), us: origin(otherMs) };
    await look();
    expect(health.reasons()).toEqual([]);
    expect(health.clockDoubt()).toBeUndefined();
  });

  it("while its clock is off those of most regions", async () => {
    const { health, store, look } = makeHealth();
    health.starting(undefined);
    store.cluster = "c";
    await look();
    store.clockSkewMs = -1_250;
    expect(health.reasons()).toEqual([
      "this process's clock is 1.3 s behind those of most regions; mend the time service of both machines",
    ]);
    store.clockSkewMs = 0;
    expect(health.reasons()).toEqual([]);
  });

  it.each([
    [-600, "this process's clock is 0.6 s ahead of its database's"],
    [3_600_000, "this process's clock is 3600.0 s behind its database's"],
  ])("while its clock and the database's are %i ms apart", async (databaseAheadMs, says) => {
    const { health, store, look } = makeHealth();
    health.starting(undefined);
    Object.assign(store, { cluster: "c", databaseAheadMs });
    await look();
    expect(health.reasons()).toEqual([`${says}; mend the time service of both machines`]);
  });

  it.each([
    [500, 0],
    [-500, 0],
    [4_000, 4_000],
    [0, 4_000],
  ])("but is where its clock may be right: %i ms apart, asked for %i ms", async (databaseAheadMs, tookMs) => {
    const { health, store, look, pass } = makeHealth();
    health.starting(undefined);
    Object.assign(store, { cluster: "c", databaseAheadMs });
    store.beforeAnswer = () => pass(tookMs);
    await look();
    expect(health.reasons()).toEqual([]);
  });

  it("while folding has stopped", async () => {
    const { health, store, look } = makeHealth();
    health.starting(undefined);
    store.cluster = "c";
    await look();
    health.stopped(0, "another log");
    expect(health.reasons()).toEqual(["partition 0 has stopped folding: another log"]);
    health.stopped(0, undefined);
    expect(health.reasons()).toEqual([]);
  });
});

describe("the log", () => {
  it.each([
    [1, 1],
    [2, 1],
    [3, 3],
    [5, 3],
    [16, 3],
  ])("of %i regions is kept on %i servers", (regions, replicas) => {
    expect(streamReplicas(regions)).toBe(replicas);
  });
});
