/** A relay that has a backlog to send while clients' writes take longer than they use to. */
import { describe, expect, it } from "vitest";
import { Applier } from "../../../services/applier/applier.ts";
import { REST_FIRST_MS } from "../../../services/relay/give-way.ts";
import { Relay } from "../../../services/relay/relay.ts";
import { silentMetrics } from "../../simulation/metrics.ts";
import { Bed, overriding, write } from "../gateway/bed.ts";

/** Of a backlog that has come in over twelve seconds. */
const ROWS = 3_000;
const ROWS_AT_ONCE = 100;
const AT_ONCE_EVERY_MS = 400;

/** The region's backlog, and a relay that is not started yet, with when it sends batches and how long it rests. */
async function backlogBed() {
  const bed = new Bed({ regions: ["eu"] });
  await bed.startAll();
  const { options, gateway } = bed.first;
  bed.first.stopRoles();
  await bed.pass(4_000);
  for (let row = 0; row < ROWS; row += 1) {
    void gateway.write(write({ key: `k${row}` }));
    if ((row + 1) % ROWS_AT_ONCE === 0) await bed.pass(AT_ONCE_EVERY_MS);
  }
  // Nobody has written for a while.
  await bed.pass(2_000);
  const rests: number[] = [];
  const sent: number[] = [];
  const breaker = overriding(options.breakers[0]!, {
    publish: (...publish) => {
      if (publish[0] === "batch") sent.push(bed.world.nowMs);
      return options.breakers[0]!.publish(...publish);
    },
  });
  const metrics = { ...silentMetrics, gaveWay: (restMs: number) => void rests.push(restMs) };
  const common = { ...options, members: ["eu"], partition: 0, breaker, metrics };
  const start = async () => {
    const stop = new AbortController();
    void new Applier(common).run(stop.signal).catch(() => undefined);
    const role = { role: "relay", partition: 0, holder: "test", ttlMs: 60_000 } as const;
    const grant = (await bed.run(options.store.acquireRole(role)))!;
    void new Relay(common).run(grant, stop.signal);
    await bed.runUntil(() => bed.first.database.walHead(0).pendingRows === 0, "an empty buffer");
    stop.abort();
  };
  /** Tells as an append of this process does, every few milliseconds. */
  const appendsTake = (durationMs: number): void => {
    options.appended.committed({ durationMs, endedAtMs: options.clock.monotonicMs() });
    options.clock.after(5, () => appendsTake(durationMs));
  };
  return { start, appendsTake, rests, sent };
}

describe("the relay", () => {
  it("rests between the batches of its backlog, and tells how long", async () => {
    const { start, appendsTake, rests, sent } = await backlogBed();
    appendsTake(60);
    await start();
    // What is usual here is not known yet.
    expect(rests.slice(0, 3)).toEqual([REST_FIRST_MS, REST_FIRST_MS / 2, REST_FIRST_MS / 4]);
    for (const [index, restMs] of rests.slice(1).entries())
      expect(sent[index + 1]! - sent[index]!).toBeGreaterThanOrEqual(restMs);
  });

  it("sends its backlog without a rest where nobody writes", async () => {
    const { start, rests, sent } = await backlogBed();
    await start();
    expect(rests).toEqual([]);
    expect(sent.length).toBeGreaterThan(2);
  });
});
