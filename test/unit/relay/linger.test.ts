/** For how long rows gather for the next entry. */
import { describe, expect, it } from "vitest";
import { Applier } from "../../../services/applier/applier.ts";
import { Linger, LINGER_MS_MAX, LINGER_MS_MIN } from "../../../services/relay/linger.ts";
import { Relay } from "../../../services/relay/relay.ts";
import { decodeEntry } from "../../../services/protocol/entry-codec.ts";
import { silentMetrics } from "../../simulation/metrics.ts";
import { Bed, overriding, write } from "../gateway/bed.ts";

function lingerAfter(...durationsMs: readonly number[]): number {
  const linger = new Linger();
  for (const durationMs of durationsMs) linger.committed(durationMs);
  return linger.ms;
}

describe("rows gather", () => {
  it("shortly where nothing is known of commits, and where they are quick", () => {
    expect([lingerAfter(), lingerAfter(0), lingerAfter(1, 1, 1)]).toEqual(Array(3).fill(LINGER_MS_MIN));
  });

  it("longer the longer commits take, up to a bound", () => {
    expect(lingerAfter(4)).toBe(64);
    expect(lingerAfter(5)).toBe(80);
    expect(lingerAfter(7)).toBe(LINGER_MS_MAX);
    expect(lingerAfter(7_000)).toBe(LINGER_MS_MAX);
  });

  it("for what commits take of late: one alone changes little, and what was long ago nothing", () => {
    const quick = Array<number>(40).fill(2);
    expect(lingerAfter(...quick, 4)).toBeLessThan(40);
    expect(lingerAfter(900, ...quick, ...quick)).toBeCloseTo(32, 0);
  });
});

/** How many entries go to the log within two seconds, with a write every 5 ms and commits that take so long. */
async function entriesSent(commitMs: number): Promise<number> {
  const bed = new Bed({ regions: ["eu"] });
  await bed.startAll();
  const { options, gateway } = bed.first;
  const { store, clock } = options;
  bed.first.stopRoles();
  await bed.pass(4_000);
  const commitFold: typeof store.commitFold = async (commit) => {
    await clock.sleep(commitMs);
    return store.commitFold(commit);
  };
  const breaker = options.breakers[0]!;
  const common = { ...options, metrics: silentMetrics, members: ["eu"], partition: 0, breaker };
  const stop = new AbortController();
  void new Applier({ ...common, store: overriding(store, { commitFold }) }).run(stop.signal);
  const role = { role: "relay", partition: 0, holder: "test", ttlMs: 600_000 } as const;
  const grant = (await bed.run(store.acquireRole(role)))!;
  void new Relay(common).run(grant, stop.signal);
  const writeFor = async (durationMs: number): Promise<void> => {
    for (let ms = 0; ms < durationMs; ms += 5) {
      void gateway.write(write({ key: `k${ms}` }));
      await bed.pass(5);
    }
  };
  await writeFor(1_000);
  const before = bed.servers.messages(0).length;
  await writeFor(2_000);
  stop.abort();
  const sent = bed.servers.messages(0).slice(before);
  return sent.filter(({ data }) => decodeEntry(data).entry.kind === "batch").length;
}

it("a region whose commits take longer sends fewer entries", async () => {
  const [quick, slow] = [await entriesSent(1), await entriesSent(20)];
  expect(slow).toBeLessThanOrEqual(2_000 / LINGER_MS_MAX + 2);
  expect(quick).toBeGreaterThan(2 * slow);
});
