import { describe, expect, it } from "vitest";
import type { Entry, MemberEntry, OrderedEntry } from "../../../services/core/entry.ts";
import { foldEntries, LogMismatchError, type FoldResult } from "../../../services/core/fold/fold.ts";
import { nextRun, WAL_RUN_ROWS } from "../../../services/core/fold/member.ts";
import {
  hlcFloor,
  initialPartitionState,
  positionSeenByAll,
  type PartitionState,
} from "../../../services/core/fold/state.ts";
import { sha256, ZERO_HASH } from "../../../services/core/hash.ts";
import { hlcFromMilliseconds, ZERO_HLC } from "../../../services/core/hlc.ts";
import { stalenessMs } from "../../../services/core/staleness.ts";
import { placeMembers } from "../../../services/core/trim/members.ts";

const CLUSTER = "01990000-0000-7000-8000-000000000001";
const [ONE, TWO] = ["01990000-0000-7000-8000-00000000000a", "01990000-0000-7000-8000-00000000000b"];
const NO_ROWS = { records: new Map(), operations: new Map() };

function fold(state: PartitionState, ...entries: readonly Entry[]): FoldResult {
  const ordered = entries.map((entry, index): OrderedEntry => {
    const position = state.position + index + 1;
    return { position, storedAtMs: 1_000 * position, checksum: sha256(String(position)), entry };
  });
  return foldEntries({ state, slice: NO_ROWS, entries: ordered });
}

function tick(origin: string, appliedPosition: number): Entry {
  return {
    kind: "tick",
    origin,
    hlc: hlcFromMilliseconds(1_000 * appliedPosition),
    walHead: 0,
    appliedPosition,
    chain: ZERO_HASH,
    software: "1",
    reads: 6,
  };
}

function change(action: MemberEntry["action"], region: string, id = ONE): MemberEntry {
  return { kind: "member", origin: action === "rejoin" ? region : "eu", id, action, region };
}

const genesis: Entry = {
  kind: "genesis",
  cluster: CLUSTER,
  partition: 0,
  partitions: 1,
  members: ["ap", "eu", "us"],
};

/** All three members have told that they have folded the first entry. */
const FOUNDED = fold(initialPartitionState(0), genesis, tick("eu", 1), tick("us", 1), tick("ap", 1)).state;

describe("a member that is added", () => {
  const { state, membership, changedOrigins } = fold(FOUNDED, change("add", "sa"));

  it("takes part, with sequences from one on", () => {
    expect(state.members).toEqual(["ap", "eu", "sa", "us"]);
    expect(state.origins["sa"]).toMatchObject({ watermark: 0, epoch: 0, chain: ZERO_HASH, joined: ONE });
    expect(membership).toEqual({ removed: [], joined: { sa: { id: ONE, watermark: 0 } } });
    expect([...changedOrigins]).toEqual(["sa"]);
  });

  it("keeps everything from being trimmed, is not away, and makes no view older", () => {
    expect(positionSeenByAll(state)).toBe(0);
    expect(hlcFloor(state)).toBe(ZERO_HLC);
    const placed = placeMembers(state, { awayMsMax: 60_000, startedAtMs: -1_000_000 });
    expect(placed.foldedByAll).toBe(0);
    expect(placed.away).toEqual([]);
    const own = { region: "eu", nowMs: state.logTimeMs };
    const before = stalenessMs({ ...state, origins: FOUNDED.origins }, own);
    expect(stalenessMs(state, own)).toBe(before);
    const heard = fold(state, tick("sa", 5)).state;
    expect(heard.origins["sa"]?.tick?.isAssumed).toBeUndefined();
  });

  it("is not added twice", () => {
    const again = fold(state, change("add", "sa", TWO));
    expect(again.membership).toBeUndefined();
    expect(again.state.origins).toEqual(state.origins);
  });
});

describe("a member that is removed", () => {
  const { state, membership, changedOrigins } = fold(FOUNDED, tick("ap", 4), change("remove", "ap"));

  it("takes no part, and keeps nothing from being trimmed", () => {
    expect(state.members).toEqual(["eu", "us"]);
    expect(Object.keys(state.origins)).toEqual(["eu", "us"]);
    expect(membership).toEqual({ removed: ["ap"], joined: {} });
    expect([...changedOrigins]).toEqual([]);
    expect(fold(state, tick("ap", 6)).counts.strangers).toBe(1);
  });

  it("begins with sequences that it never had, should it be added again", () => {
    const back = fold(state, change("add", "ap", TWO));
    expect(back.state.origins["ap"]).toMatchObject({ watermark: WAL_RUN_ROWS, epoch: 1, joined: TWO });
    expect(back.state.departed).toEqual({});
    expect(back.membership).toEqual({ removed: [], joined: { ap: { id: TWO, watermark: WAL_RUN_ROWS } } });
    expect(fold(FOUNDED, change("remove", "ap"), change("add", "ap", TWO)).membership).toEqual(
      back.membership,
    );
  });

  it("stays, where it is the last", () => {
    const last = fold(state, change("remove", "us"), change("remove", "eu")).state;
    expect(last.members).toEqual(["eu"]);
  });
});

describe("a member that rejoins", () => {
  const { state, membership } = fold(FOUNDED, change("rejoin", "us"));

  it("begins a new run of sequences, with a later epoch, and has folded nothing", () => {
    expect(state.origins["us"]).toMatchObject({ watermark: WAL_RUN_ROWS, epoch: 1, chain: ZERO_HASH });
    expect(state.origins["us"]?.tick).toMatchObject({ appliedPosition: 0, walHead: WAL_RUN_ROWS, reads: 6 });
    expect(membership).toEqual({ removed: [], joined: { us: { id: ONE, watermark: WAL_RUN_ROWS } } });
    expect(positionSeenByAll(state)).toBe(0);
  });

  it("does so once for each entry of its own", () => {
    expect(fold(state, change("rejoin", "us")).state.origins["us"]).toEqual(state.origins["us"]);
    expect(fold(state, change("rejoin", "us", TWO)).state.origins["us"]?.watermark).toBe(2 * WAL_RUN_ROWS);
  });

  it("never gets sequences that were handed out", () => {
    for (const watermark of [0, 1, WAL_RUN_ROWS - 1, WAL_RUN_ROWS, 3 * WAL_RUN_ROWS + 17]) {
      expect(nextRun(watermark)).toBeGreaterThan(watermark);
      expect(nextRun(watermark) % WAL_RUN_ROWS).toBe(0);
    }
  });
});

describe("a log that was made anew", () => {
  const epoch = {
    kind: "epoch",
    origin: "eu",
    id: ONE,
    cluster: CLUSTER,
    partition: 0,
    epoch: 1,
    chain: FOUNDED.chain,
  } as const;

  it("goes on from the state that it was made from", () => {
    const { state, membership } = fold(FOUNDED, epoch);
    expect(state.logEpoch).toBe(1);
    expect(membership).toEqual({ removed: [], joined: {} });
  });

  it.each([
    ["another past", { chain: ZERO_HASH }],
    ["an epoch that was", { epoch: 0 }],
    ["another cluster", { cluster: TWO }],
    ["another partition", { partition: 1 }],
    ["a stranger's state", { origin: "sa" }],
  ])("stops whoever folds it, with %s", (_, wrong) => {
    expect(() => fold(FOUNDED, { ...epoch, ...wrong })).toThrow(LogMismatchError);
  });

  it("stops a state that has folded nothing", () => {
    expect(() => fold(initialPartitionState(0), epoch)).toThrow(LogMismatchError);
  });
});
