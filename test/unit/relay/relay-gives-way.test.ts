/** A relay that has a backlog to send while clients' writes take longer than they use to. */
import { describe, expect, it } from "vitest";
import { Applier } from "../../../services/applier/applier.ts";
import { REST_FIRST_MS, REST_MS_MAX } from "../../../services/relay/give-way.ts";
import { Relay } from "../../../services/relay/relay.ts";
import { silentMetrics } from "../../simulation/metrics.ts";
import { Bed, overriding, write } from "../gateway/bed.ts";

const USUAL_MS = 6;
/** Of a backlog that has come in over twelve seconds. */
const ROWS = 3_000;
const ROWS_AT_ONCE = 100;
const AT_ONCE_EVERY_MS = 400;

/** A relay whose log stands still while a backlog comes in, with when it sends batches after that, and how long it rests. */
async function backlogBed() {
  const bed = new Bed({ regions: ["eu"] });
  await bed.startAll();
  const { options, gateway } = bed.first;
  bed.first.stopRoles();
  await bed.pass(4_000);
  const [rests, sent]: [number[], number[]] = [[], []];
  let held: Promise<void> = Promise.resolve();
  const breaker = overriding(options.breakers[0]!, {
    publish: async (...publish) => {
      await held;
      if (publish[0] === "batch") sent.push(bed.world.nowMs);
      return options.breakers[0]!.publish(...publish);
    },
  });
  const metrics = { ...silentMetrics, gaveWay: (restMs: number) => void rests.push(restMs) };
  const common = { ...options, members: ["eu"], partition: 0, breaker, metrics };
  const role = { role: "relay", partition: 0, holder: "test", ttlMs: 600_000 } as const;
  const stop = new AbortController();
  void new Applier(common).run(stop.signal).catch(() => undefined);
  const grant = (await bed.run(options.store.acquireRole(role)))!;
  void new Relay(common).run(grant, stop.signal);

  let appendMs: number | undefined = USUAL_MS;
  /** Tells as an append of this process does, every few milliseconds. */
  const tell = (): void => {
    const endedAtMs = options.clock.monotonicMs();
    if (appendMs !== undefined) options.appended.committed({ durationMs: appendMs, endedAtMs });
    options.clock.after(5, tell);
  };
  tell();
  await bed.pass(5_000);
  let goOn!: () => void;
  held = new Promise((resolve) => (goOn = resolve));
  for (let row = 0; row < ROWS; row += 1) {
    void gateway.write(write({ key: `k${row}` }));
    if ((row + 1) % ROWS_AT_ONCE === 0) await bed.pass(AT_ONCE_EVERY_MS);
  }
  /** @param takesMs an append of this process from now on; undefined where there are none. */
  const drain = async (takesMs: number | undefined): Promise<void> => {
    appendMs = takesMs;
    await bed.pass(2_000);
    goOn();
    await bed.runUntil(() => bed.first.database.walHead(0).pendingRows === 0, "an empty buffer");
    stop.abort();
  };
  return { drain, rests, sent };
}

describe("the relay", () => {
  it("rests between the batches of its backlog while appends take longer than usual, and tells how long", async () => {
    const { drain, rests, sent } = await backlogBed();
    await drain(60);
    expect(rests.slice(0, 3)).toEqual([REST_FIRST_MS, REST_MS_MAX, REST_MS_MAX]);
    const gaps = sent.slice(1).map((atMs, index) => atMs - sent[index]!);
    expect(gaps.filter((gapMs) => gapMs >= REST_MS_MAX).length).toBeGreaterThanOrEqual(2);
  });

  it("rests shortly where they take as long as ever", async () => {
    const { drain, rests } = await backlogBed();
    await drain(USUAL_MS);
    expect(rests.slice(0, 3)).toEqual([REST_FIRST_MS, REST_FIRST_MS / 2, REST_FIRST_MS / 4]);
  });

  it("sends its backlog without a rest where nobody writes", async () => {
    const { drain, rests, sent } = await backlogBed();
    await drain(undefined);
    expect(rests).toEqual([]);
    expect(sent.length).toBeGreaterThan(2);
  });
});
