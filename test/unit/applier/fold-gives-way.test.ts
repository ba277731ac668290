/** A region that folds a backlog while clients write there. */
import { describe, expect, it } from "vitest";
import { Applier } from "../../../services/applier/applier.ts";
import { REST_MS_MAX } from "../../../services/applier/give-way.ts";
import { silentMetrics } from "../../simulation/metrics.ts";
import { Bed, overriding } from "../gateway/bed.ts";
import { idsOf, Origin } from "./origin.ts";

/** So many that each entry is a commit of its own. */
const OPERATIONS = 1_024;
const ENTRIES = 8;

interface Span {
  readonly beganAtMs: number;
  readonly endedAtMs: number;
}

/** Folds some large entries, with commits that take so long. @returns when those were under way, and all rests. */
async function foldBacklog({ commitMs, isWritten }: { commitMs: number; isWritten: boolean }) {
  const bed = new Bed({ regions: ["eu"] });
  const { options, database } = bed.first;
  const { appended, clock, store } = options;
  const [commits, rests]: [Span[], number[]] = [[], []];
  const commitFold: typeof store.commitFold = async (commit) => {
    const beganAtMs = clock.monotonicMs();
    await clock.sleep(commitMs);
    await store.commitFold(commit);
    commits.push({ beganAtMs, endedAtMs: clock.monotonicMs() });
  };
  const metrics = { ...silentMetrics, gaveWay: (restMs: number) => void rests.push(restMs) };
  const common = { ...options, members: ["eu"], partition: 0, metrics };
  const stop = new AbortController();
  void new Applier({ ...common, store: overriding(store, { commitFold }) }).run(stop.signal);
  await bed.runUntil(() => database.loadPartition(0).position === 1, "the genesis");
  const tell = (): void => {
    appended.began(clock.monotonicMs());
    clock.after(5, tell);
  };
  if (isWritten) tell();
  commits.length = 0;
  const origin = new Origin("eu");
  for (let entry = 0; entry < ENTRIES; entry += 1)
    bed.servers.store(0, origin.entry(idsOf(`entry-${entry}`, OPERATIONS)));
  await bed.runUntil(() => database.loadPartition(0).position === 1 + ENTRIES, "all to be folded");
  stop.abort();
  const gapsMs = commits.slice(1).map(({ beganAtMs }, index) => beganAtMs - commits[index]!.endedAtMs);
  return { commits, gapsMs, rests };
}

describe("the fold of a backlog", () => {
  it("rests after each commit as long as that took, once commits take long, and tells how long", async () => {
    const commitMs = 60;
    const { commits, gapsMs, rests } = await foldBacklog({ commitMs, isWritten: true });
    expect(commits).toHaveLength(ENTRIES);
    // Two are on their way before the first is known to have taken long.
    expect(rests).toHaveLength(ENTRIES - 2);
    for (const restMs of rests) {
      expect(restMs).toBeGreaterThanOrEqual(commitMs);
      expect(restMs).toBeLessThanOrEqual(REST_MS_MAX);
    }
    for (const gapMs of gapsMs.slice(2)) expect(gapMs).toBeGreaterThanOrEqual(commitMs);
  });

  it("rests for nobody where nobody writes", async () => {
    const { gapsMs, rests } = await foldBacklog({ commitMs: 60, isWritten: false });
    expect(rests).toEqual([]);
    expect(Math.max(...gapsMs)).toBeLessThan(10);
  });

  it("does not rest while commits are quick", async () => {
    const { gapsMs, rests } = await foldBacklog({ commitMs: 5, isWritten: true });
    expect(rests).toEqual([]);
    expect(Math.max(...gapsMs)).toBeLessThan(10);
  });
});
