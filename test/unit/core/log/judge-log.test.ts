import { describe, expect, it } from "vitest";
import type { EpochEntry } from "../../../../services/core/entry.ts";
import { INITIAL_ORIGIN, initialPartitionState } from "../../../../services/core/fold/state.ts";
import { sha256 } from "../../../../services/core/hash.ts";
import {
  isFirstEntryNeeded,
  judgeLog,
  regrownProblem,
  witnessProblem,
  type LogEvidence,
} from "../../../../services/core/log/judge-log.ts";

const CLUSTER = "01990000-0000-7000-8000-000000000001";
const OTHER_CLUSTER = "01990000-0000-7000-8000-000000000002";
const [OLD, NEW] = [1_000, 2_000];
const STATE = {
  ...initialPartitionState(0),
  position: 10,
  cluster: CLUSTER,
  chain: sha256("ten"),
  members: ["eu", "us"],
  origins: { eu: INITIAL_ORIGIN, us: INITIAL_ORIGIN },
};
const FRESH = initialPartitionState(0);
const EPOCH: EpochEntry = {
  kind: "epoch",
  origin: "eu",
  id: OTHER_CLUSTER,
  cluster: CLUSTER,
  partition: 0,
  epoch: 1,
  chain: STATE.chain,
};
const GENESIS = {
  kind: "genesis",
  cluster: OTHER_CLUSTER,
  partition: 0,
  partitions: 1,
  members: ["eu"],
} as const;

function found(firstPosition: number, lastPosition: number, createdAtMs = OLD): LogEvidence["found"] {
  return { createdAtMs, firstPosition, lastPosition };
}

function judge(change: Partial<LogEvidence>) {
  const verdict = judgeLog({ region: "us", state: STATE, boundTo: OLD, found: found(1, 20), ...change });
  return "reason" in verdict ? `${verdict.kind}: ${verdict.reason}` : verdict.kind;
}

const anew = (entry: EpochEntry | typeof GENESIS, position: number, last = position + 5) => ({
  found: found(position, last, NEW),
  first: { position, entry },
});

describe("a log that is the one that was folded", () => {
  it.each([
    ["holds what comes next", found(1, 20)],
    ["ends where the state does", found(1, 10)],
    ["begins right after the state", found(11, 20)],
    ["was trimmed as far as it was folded", found(11, 10)],
  ])("is folded on when it %s", (_, log) => expect(judge({ found: log })).toBe("go-on"));

  it("has lost its tail when it ends before the state", () => {
    expect(judge({ found: found(1, 9) })).toMatch(
      /^failed: .*lost its tail.*ends at 9.*up to 10.*log rebuild/,
    );
  });

  it("is too late for a state that it begins behind", () => {
    expect(judge({ found: found(12, 20) })).toMatch(
      /^behind: .*begins at 12.*needs 11.*us was away.*bootstrap/,
    );
  });
});

describe("a log that is gone", () => {
  it("is made by a region that has folded nothing, and by no other", () => {
    expect(judge({ found: undefined, state: FRESH, boundTo: undefined })).toBe("go-on");
    expect(judge({ found: undefined })).toMatch(/^failed: .*is gone.*log rebuild/);
  });
});

describe("a state of nothing", () => {
  const fresh = { state: FRESH, boundTo: undefined };

  it("begins with whatever log begins at the beginning", () => {
    expect(judge({ ...fresh, found: found(1, 0) })).toBe("go-on");
    expect(judge({ ...fresh, found: found(1, 30) })).toBe("go-on");
    expect(judge({ ...fresh, boundTo: OLD, found: found(1, 0, NEW) })).toBe("rebind");
  });

  it("needs a bootstrap where the beginning is gone", () => {
    expect(judge({ ...fresh, found: found(8, 30) })).toMatch(/^behind/);
    expect(judge({ ...fresh, found: found(8, 7) })).toMatch(/^behind/);
  });
});

describe("another log under the same name", () => {
  it("is gone over to when it goes on exactly from the state", () => {
    expect(judge(anew(EPOCH, 11))).toBe("rebind");
    expect(judge(anew(EPOCH, 11, 11))).toBe("rebind");
  });

  it("is too late for a state that was behind", () => {
    expect(judge(anew(EPOCH, 13))).toMatch(/^behind/);
    expect(judge({ found: found(40, 90, NEW), first: undefined })).toMatch(/^behind/);
  });

  it.each([
    ["the state has folded more", anew(EPOCH, 9)],
    ["the state has folded something else", anew({ ...EPOCH, chain: sha256("other") }, 11)],
    ["its epoch was", { ...anew(EPOCH, 11), state: { ...STATE, logEpoch: 1 } }],
    ["it is of a stranger's state", anew({ ...EPOCH, origin: "sa" }, 11)],
  ])("is not folded, and the state has to be loaded anew, when %s", (_, change) =>
    expect(judge(change)).toMatch(/^beyond: .*made anew.*forebay region rejoin us/),
  );

  it.each([
    ["empty", { found: found(1, 0, NEW) }, "is empty"],
    ["empty, and goes on from here", { found: found(11, 10, NEW) }, "is empty.*rebuild was not finished"],
    ["a new cluster's", anew(GENESIS, 1), "has been replaced"],
    ["a new cluster's, far on", anew(GENESIS, 30), "has been replaced"],
    ["made anew for another cluster", anew({ ...EPOCH, cluster: OTHER_CLUSTER }, 11), "another cluster"],
    ["made anew for another partition", anew({ ...EPOCH, partition: 1 }, 30), "another cluster"],
    ["one that can't be looked into", { found: found(3, 12, NEW) }, "has been replaced"],
  ])("stops folding when it is %s", (_, change, what) =>
    expect(judge(change)).toMatch(new RegExp(`^failed: .*${what}.*log rebuild`)),
  );

  it("is looked into only where that says something", () => {
    const asked = { region: "us", state: STATE, boundTo: OLD, found: found(5, 20, NEW) };
    expect(isFirstEntryNeeded(asked)).toBe(true);
    for (const change of [
      { boundTo: NEW },
      { boundTo: undefined },
      { found: undefined },
      { found: found(5, 4, NEW) },
      { state: FRESH },
    ])
      expect(isFirstEntryNeeded({ ...asked, ...change })).toBe(false);
  });
});

describe("the last entry that was folded", () => {
  const last = { partition: 0, position: 10, logTimeMs: 500, checksum: undefined };

  it("is there still", () => {
    expect(regrownProblem(last, { storedAtMs: 500, checksum: "x" })).toBeUndefined();
    expect(regrownProblem(last, { storedAtMs: 400, checksum: "x" })).toBeUndefined();
    expect(regrownProblem({ ...last, checksum: "x" }, { storedAtMs: 500, checksum: "x" })).toBeUndefined();
  });

  it("is another in a log that was cut and has grown again", () => {
    expect(regrownProblem(last, { storedAtMs: 501, checksum: "x" })).toMatch(/grown again.*10.*log rebuild/);
    expect(regrownProblem({ ...last, checksum: "y" }, { storedAtMs: 400, checksum: "x" })).toMatch(/another/);
  });
});

describe("what another region has folded", () => {
  const log = { partition: 0, createdAtMs: OLD, firstPosition: 1, lastPosition: 20 };
  const witness = { region: "ap", position: 21, logCreatedAtMs: OLD };

  it("shows that a log is shorter than it was", () => {
    expect(witnessProblem(log, witness)).toMatch(/lost its tail.*ends at 20.*ap has folded up to 21/);
    expect(witnessProblem(log, { ...witness, position: 20 })).toBeUndefined();
    expect(witnessProblem(log, { ...witness, logCreatedAtMs: NEW })).toBeUndefined();
    expect(witnessProblem(log, { ...witness, logCreatedAtMs: undefined })).toBeUndefined();
  });
});
