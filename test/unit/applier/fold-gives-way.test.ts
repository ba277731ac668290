/** A region that folds a backlog while clients write there. */
import { describe, expect, it } from "vitest";
import { Applier } from "../../../services/applier/applier.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import { encodeEntry } from "../../../services/protocol/entry-codec.ts";
import { silentMetrics } from "../../simulation/metrics.ts";
import { Bed, overriding } from "../gateway/bed.ts";
import { idsOf, Origin } from "./origin.ts";

/** So many that each entry is a commit of its own. */
const OPERATIONS = 1_024;
const FEW = 100;
/** What a call of the simulated store takes at most. */
const CALL_MS = 4;
/** Two are on their way before the first is known to have taken long. */
const OVERLAPPED = 2;

interface Backlog {
  readonly commitMs: number;
  readonly isWritten: boolean;
  readonly isAwaited?: boolean;
  /** Whether each entry comes once the one before is folded. */
  readonly isSpaced?: boolean;
  /** What a commit of few operations takes. */
  readonly fewMs?: number;
  /** Operations of each entry; few end with a barrier, and so are a commit of their own. */
  readonly entries?: readonly number[];
}

/** Folds some entries. @returns how long commits followed each other by, how many loads began within one, and all rests. */
async function foldBacklog({
  commitMs,
  isWritten,
  isAwaited = false,
  isSpaced = false,
  fewMs = commitMs,
  entries = ENTRIES,
}: Backlog) {
  const bed = new Bed({ regions: ["eu"] });
  const { options, database, faults } = bed.first;
  const { appended, clock, folded, store } = options;
  const [commits, rests, loads]: [{ beganAtMs: number; endedAtMs: number }[], number[], number[]] = [
    [],
    [],
    [],
  ];
  const commitFold: typeof store.commitFold = async (commit) => {
    const beganAtMs = clock.monotonicMs();
    faults.commitMs = commit.result.counts.operations > FEW ? commitMs : fewMs;
    await store.commitFold(commit);
    commits.push({ beganAtMs, endedAtMs: clock.monotonicMs() });
  };
  const loadSlice: typeof store.loadSlice = (slice) => {
    loads.push(clock.monotonicMs());
    return store.loadSlice(slice);
  };
  const metrics = { ...silentMetrics, gaveWay: (restMs: number) => void rests.push(restMs) };
  const common = { ...options, members: ["eu"], partition: 0, metrics };
  const stop = new AbortController();
  void new Applier({ ...common, store: overriding(store, { commitFold, loadSlice }) }).run(stop.signal);
  await bed.runUntil(() => database.loadPartition(0).position === 1, "the genesis");
  if (isWritten) appended.began(clock.monotonicMs());
  if (isAwaited) folded.expect(0);
  commits.length = 0;
  const origin = new Origin("eu");
  const isFolded = (): boolean => database.loadPartition(0).position === bed.servers.messages(0).length;
  for (const [number, operations] of entries.entries()) {
    bed.servers.store(0, origin.entry(idsOf(`${number}`, operations), `keys-${number}`));
    const id = uuidOf("barrier", `${number}`);
    if (operations === FEW)
      bed.servers.store(0, encodeEntry({ kind: "barrier", origin: "eu", id, purpose: "verify" }));
    if (isSpaced) await bed.runUntil(isFolded, "it to be folded");
  }
  await bed.runUntil(isFolded, "all to be folded");
  stop.abort();
  const gapsMs = commits.slice(1).map(({ beganAtMs }, index) => beganAtMs - commits[index]!.endedAtMs);
  const within = commits
    .slice(OVERLAPPED)
    .filter((commit) => loads.some((atMs) => atMs >= commit.beganAtMs && atMs < commit.endedAtMs));
  return { gapsMs, rests, within: within.length };
}

const ENTRIES = Array<number>(8).fill(OPERATIONS);

describe("the fold of a backlog", () => {
  it("rests as long as the commit before took, once commits take long, and prepares nothing while one is under way", async () => {
    const commitMs = 60;
    const { gapsMs, rests, within } = await foldBacklog({ commitMs, isWritten: true });
    expect(rests).toHaveLength(ENTRIES.length - OVERLAPPED);
    for (const restMs of rests) {
      expect(restMs).toBeGreaterThanOrEqual(commitMs - 1);
      expect(restMs).toBeLessThanOrEqual(commitMs + CALL_MS);
    }
    for (const gapMs of gapsMs.slice(OVERLAPPED)) expect(gapMs).toBeGreaterThanOrEqual(commitMs - 1);
    expect(within).toBe(0);
  });

  it.each([
    ["nobody writes", { commitMs: 60, isWritten: false }],
    ["commits are quick", { commitMs: 15, isWritten: true }],
    ["somebody waits for it", { commitMs: 60, isWritten: true, isAwaited: true }],
  ])("does not rest where %s", async (_, backlog) => {
    const { gapsMs, rests, within } = await foldBacklog(backlog);
    expect(rests).toEqual([]);
    expect(Math.max(...gapsMs)).toBeLessThan(2 * CALL_MS);
    expect(within).toBeGreaterThan(0);
  });

  it("is not what comes in few at a time, however long its commits take", async () => {
    const entries = Array<number>(10).fill(FEW);
    const { rests } = await foldBacklog({ commitMs: 60, isWritten: true, isSpaced: true, entries });
    expect(rests).toEqual([]);
  });

  it("rests between large commits, also where small ones are between them", async () => {
    const entries = ENTRIES.flatMap((operations) => [operations, FEW]);
    const { rests } = await foldBacklog({ commitMs: 60, isWritten: true, fewMs: 1, entries });
    expect(rests.length).toBeGreaterThanOrEqual(ENTRIES.length - OVERLAPPED);
  });
});
