import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BreakerState } from "../../../services/core/breaker.ts";
import { LogUnavailableError, PublishTimeoutError } from "../../../services/ports/global-log.ts";
import { FoldFeed } from "../../../services/runtime/fold-feed.ts";
import { LogBreaker, type LogMetrics } from "../../../services/runtime/log-breaker.ts";
import { Process, SimulatedClock, World } from "../../simulation/world.ts";
import { checkAsyncProperty } from "../property.ts";

const TIMEOUT_MS = 5_000;
const DATA = new Uint8Array(1);

type Fate = "taken" | "refused" | "lost" | "slow" | "far";
const TAKES_MS: Record<Fate, number> = { taken: 20, refused: 5, lost: TIMEOUT_MS, slow: 2_500, far: 900 };
/** Each has a quarter of a second to itself, and counts for four. */
const PROBES_AT_ONCE_MAX = 16;

/** A log that does with each publish what the test says at that moment. */
class Bed {
  readonly world: World;
  readonly breaker: LogBreaker;
  readonly folded = new FoldFeed();
  readonly phases: BreakerState["phase"][] = [];
  readonly counts = new Map<string, number>();
  fate: Fate = "taken";
  probesNow = 0;
  probesAtOnceMax = 0;
  probes = 0;
  opened = 0;

  constructor(seed = 1) {
    this.world = new World(seed);
    const clock = new SimulatedClock(new Process(this.world, "eu"));
    const publish = async ({ timeoutMs }: { timeoutMs: number }) => {
      const { fate } = this;
      await clock.sleep(Math.min(timeoutMs, TAKES_MS[fate]));
      if (fate === "refused") throw new LogUnavailableError("no responders");
      if (timeoutMs <= TAKES_MS[fate]) throw new PublishTimeoutError("no answer");
      return { position: 1 };
    };
    const options = { region: "eu", partition: 0, log: { publish }, clock, random: this.world.random };
    this.breaker = new LogBreaker({ ...options, metrics: this.#metrics(), folded: this.folded });
    this.breaker.onOpen(() => (this.opened += 1));
  }

  #metrics(): LogMetrics {
    return {
      publishStarted: ({ kind }) => {
        this.#count("started", 1);
        if (kind !== "probe") return;
        this.probes += 1;
        this.probesNow += 1;
        this.probesAtOnceMax = Math.max(this.probesAtOnceMax, this.probesNow);
      },
      publishSettled: ({ kind, outcome }) => {
        this.#count(outcome, 1);
        if (kind === "probe") this.probesNow -= 1;
      },
      breaker: (_, { phase }) => void this.phases.push(phase),
    };
  }

  #count(name: string, by: number): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
  }

  /** How the publish will end. */
  publish(): Promise<string> {
    return this.breaker.publish("batch", DATA, { timeoutMs: TIMEOUT_MS }).then(
      () => "acknowledged",
      (error: Error) => error.name,
    );
  }

  pass(ms: number): Promise<void> {
    return this.world.run(this.world.nowMs + ms);
  }
}

describe("a log's breaker", () => {
  it("refuses at once, and sends nothing, while it is open", async () => {
    const bed = new Bed();
    bed.fate = "refused";
    const first = bed.publish();
    await bed.pass(6);
    expect(await first).toBe("LogUnavailableError");
    expect(bed.breaker.isOpen).toBe(true);
    const { probes } = bed;
    const startedBefore = bed.counts.get("started");
    expect(await bed.publish()).toBe("LogUnavailableError");
    expect(bed.counts.get("started")).toBe(startedBefore);
    expect(bed.probes).toBe(probes);
    expect(bed.breaker.describe()).toMatch(/^the log has no leader, for \d+\.\d s now$/);
  });

  it("probes one after the other, not all the time, and closes as soon as one is taken", async () => {
    const bed = new Bed();
    bed.fate = "lost";
    void bed.publish();
    await bed.pass(60_000);
    expect(bed.probesAtOnceMax).toBeLessThanOrEqual(PROBES_AT_ONCE_MAX);
    expect(bed.probes).toBeGreaterThan(100);
    expect(bed.probes).toBeLessThan(150);
    bed.fate = "taken";
    await bed.pass(1_500);
    expect(bed.breaker.isOpen).toBe(false);
    expect(bed.breaker.describe()).toBe("the log takes entries");
    expect(bed.opened).toBe(1);
    const { probes } = bed;
    await bed.pass(60_000);
    expect(bed.probes).toBe(probes);
  });

  it("opens before a slow publish is given up, and closes when that is acknowledged after all", async () => {
    const bed = new Bed();
    bed.fate = "slow";
    const slow = bed.publish();
    bed.fate = "lost";
    await bed.pass(2_100);
    expect(bed.breaker.state).toMatchObject({ phase: expect.not.stringMatching("closed") as string });
    expect(bed.breaker.state.reason).toBeDefined();
    await bed.pass(500);
    expect(await slow).toBe("acknowledged");
    expect(bed.breaker.isOpen).toBe(false);
  });

  it("closes also when the log is back, but farther away than a probe waits for", async () => {
    const bed = new Bed();
    for (let count = 0; count < 30; count += 1) {
      void bed.publish();
      await bed.pass(50);
    }
    bed.fate = "refused";
    void bed.publish();
    await bed.pass(1_000);
    expect(bed.breaker.isOpen).toBe(true);
    bed.fate = "far";
    await bed.pass(3_000);
    expect(bed.breaker.isOpen).toBe(false);
    for (let count = 0; count < 5; count += 1) {
      const far = bed.publish();
      await bed.pass(1_000);
      expect(await far).toBe("acknowledged");
    }
    expect(bed.opened).toBe(1);
  });

  it("learns from what its caller has given up waiting for", async () => {
    const bed = new Bed();
    const before = bed.breaker.state.durationsMs.length;
    bed.fate = "far";
    const limits = { timeoutMs: TIMEOUT_MS, patienceMs: 300 };
    const given = bed.breaker.publish("batch", DATA, limits).then(
      () => "acknowledged",
      (error: Error) => error.name,
    );
    await bed.pass(301);
    expect(await given).toBe("PublishTimeoutError");
    expect(bed.breaker.isOpen).toBe(true);
    await bed.pass(650);
    expect(bed.breaker.isOpen).toBe(false);
    expect(bed.breaker.state.durationsMs.slice(before)).toContain(900);
    await bed.pass(10_000);
    expect(bed.counts.get("started")).toBe(bed.counts.get("acknowledged"));
  });

  it("asks at once when this process folds on, rather than after its pause", async () => {
    const asked: number[] = [];
    for (const isHeard of [false, true]) {
      const bed = new Bed(7);
      bed.fate = "refused";
      void bed.publish();
      await bed.pass(20_000);
      // Between two of them, and some time after the last.
      const last = bed.probes;
      while (bed.probes === last) await bed.pass(1);
      await bed.pass(160);
      const { probes } = bed;
      const news = { partition: 0, position: 1, logTimeMs: 1, origins: {}, outcomes: [], durationMs: 5 };
      if (isHeard) bed.folded.tell(news);
      bed.folded.tell({ ...news, partition: 1 });
      await bed.pass(1);
      asked.push(bed.probes - probes);
    }
    expect(asked).toEqual([0, 1]);
  });

  it("wakes who waits until it is closed", async () => {
    const bed = new Bed();
    bed.fate = "refused";
    void bed.publish();
    await bed.pass(10);
    let isWoken = false;
    void bed.breaker.waitUntilClosed({ timeoutMs: 60_000 }).then(() => (isWoken = true));
    await bed.pass(5_000);
    expect(isWoken).toBe(false);
    bed.fate = "taken";
    await bed.pass(1_000);
    expect(isWoken).toBe(true);
    await bed.breaker.waitUntilClosed({ timeoutMs: 60_000 });
  });

  it("accounts for every publish: what was started is acknowledged, refused or timed out", async () => {
    const fates = fc.constantFrom<Fate>("taken", "taken", "refused", "lost", "slow", "far");
    const steps = fc.array(fc.tuple(fates, fc.integer({ min: 0, max: 3_000 })), { maxLength: 40 });
    await checkAsyncProperty(
      fc.asyncProperty(steps, fc.nat(), async (fateful, seed) => {
        const bed = new Bed(seed);
        const ends: Promise<string>[] = [];
        for (const [fate, ms] of fateful) {
          bed.fate = fate;
          ends.push(bed.publish());
          await bed.pass(ms);
        }
        bed.fate = "taken";
        await bed.pass(30_000);
        await Promise.all(ends);
        const count = (name: string) => bed.counts.get(name) ?? 0;
        expect(count("started")).toBe(count("acknowledged") + count("refused") + count("timed-out"));
        expect(bed.breaker.isOpen).toBe(false);
        expect(bed.probesAtOnceMax).toBeLessThanOrEqual(PROBES_AT_ONCE_MAX);
        expect(bed.phases.filter((phase) => phase === "closed").length).toBe(bed.opened + 1);
      }),
    );
  });
});
