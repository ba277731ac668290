/** For how long rows gather for the next entry. */
import { describe, expect, it } from "vitest";
import { Applier } from "../../../services/applier/applier.ts";
import { Linger, LINGER_MS_MAX, LINGER_MS_MIN } from "../../../services/relay/linger.ts";
import { Relay } from "../../../services/relay/relay.ts";
import { decodeEntry } from "../../../services/protocol/entry-codec.ts";
import { silentMetrics } from "../../simulation/metrics.ts";
import { Bed, write } from "../gateway/bed.ts";

/** After commits, 30 ms apart, that have taken so long; looked at so long after the last. */
function lingerAfter(durationsMs: readonly number[], sinceMs = 0): number {
  const linger = new Linger();
  let nowMs = 0;
  for (const durationMs of durationsMs) linger.committed({ durationMs, endedAtMs: (nowMs += 30) });
  return linger.ms(nowMs + sinceMs);
}

describe("rows gather", () => {
  it("shortly where nothing is known of commits, and where they are quick", () => {
    expect([lingerAfter([]), lingerAfter([0]), lingerAfter([1, 1, 1])]).toEqual(Array(3).fill(LINGER_MS_MIN));
  });

  it("longer the longer commits take, up to a bound", () => {
    expect([4, 5, 7, 7_000].map((durationMs) => lingerAfter([durationMs]))).toEqual([
      64,
      80,
      LINGER_MS_MAX,
      LINGER_MS_MAX,
    ]);
  });

  it("for what commits take of late: one alone changes little, and what was long ago nothing", () => {
    const quick = Array<number>(40).fill(2);
    expect(lingerAfter([...quick, 4])).toBeLessThan(40);
    expect(lingerAfter([900, ...quick, ...quick])).toBeCloseTo(32, 0);
    expect([lingerAfter([50], 5_000), lingerAfter([50], 5_001)]).toEqual([LINGER_MS_MAX, LINGER_MS_MIN]);
  });
});

/** A region with writes, and commits that take so long, and what its relay has sent of late. */
async function relayBed(commitMs: number) {
  const bed = new Bed({ regions: ["eu"] });
  await bed.startAll();
  const { options, gateway, faults } = bed.first;
  faults.commitMs = commitMs;
  bed.first.stopRoles();
  await bed.pass(4_000);
  const breaker = options.breakers[0]!;
  const common = { ...options, metrics: silentMetrics, members: ["eu"], partition: 0, breaker };
  const stop = new AbortController();
  void new Applier(common).run(stop.signal);
  const role = { role: "relay", partition: 0, holder: "test", ttlMs: 600_000 } as const;
  const grant = (await bed.run(options.store.acquireRole(role)))!;
  void new Relay(common).run(grant, stop.signal);
  let seen = bed.servers.messages(0).length;
  const sentSince = (): number => {
    const news = bed.servers.messages(0).slice(seen);
    seen += news.length;
    return news.filter(({ data }) => decodeEntry(data).entry.kind === "batch").length;
  };
  const writeFor = async (durationMs: number): Promise<void> => {
    for (let ms = 0; ms < durationMs; ms += 5) {
      void gateway.write(write({ key: `k${ms}` }));
      await bed.pass(5);
    }
  };
  return { bed, gateway, stop, sentSince, writeFor };
}

/** How many entries go to the log within two seconds, with a write every 5 ms and commits that take so long. */
async function entriesSent(commitMs: number, { isAwaited = false } = {}): Promise<number> {
  const { bed, stop, sentSince, writeFor } = await relayBed(commitMs);
  if (isAwaited) bed.first.options.folded.expect(0);
  await writeFor(1_000);
  sentSince();
  await writeFor(2_000);
  stop.abort();
  return sentSince();
}

describe("a region", () => {
  it("sends fewer entries the longer its commits take", async () => {
    expect(await entriesSent(0)).toBeGreaterThan(30);
    const slow = await entriesSent(20);
    expect(slow).toBeLessThanOrEqual(2_000 / LINGER_MS_MAX + 1);
    expect(slow).toBeGreaterThan(10);
  });

  it("sends as many as if commits were quick while somebody waits for the fold, and no more", async () => {
    const awaited = await entriesSent(20, { isAwaited: true });
    expect(awaited).toBeGreaterThan(50);
    expect(awaited).toBeLessThanOrEqual(2_000 / LINGER_MS_MIN + 1);
  });

  it("sends what comes after a pause at once, however long its commits take", async () => {
    const { bed, gateway, stop, sentSince, writeFor } = await relayBed(20);
    await writeFor(1_000);
    for (const pauseMs of [500, 730, 1_110]) {
      await bed.pass(pauseMs);
      sentSince();
      await bed.run(gateway.write(write({ key: `after-${pauseMs}` })));
      await bed.pass(15);
      expect(sentSince()).toBe(1);
    }
    stop.abort();
  });
});
