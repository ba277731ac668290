import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  SLOW_AFTER_MS_MAX,
  SLOW_AFTER_MS_MIN,
  startBreaker,
  stepBreaker,
  WINDOW_SAMPLES,
  type BreakerEvent,
  type BreakerPhase,
  type BreakerState,
} from "../../../services/core/breaker.ts";
import { checkProperty } from "../property.ts";

const STARTED_AT_MS = 1_000;

function after(...events: BreakerEvent[]): BreakerState {
  return events.reduce(stepBreaker, startBreaker(STARTED_AT_MS));
}

function acknowledged(durationMs: number, nowMs = 5_000): BreakerEvent {
  return { type: "acknowledged", nowMs, durationMs };
}

const failed: BreakerEvent = { type: "failed", nowMs: 3_000, sentAtMs: 2_000, reason: "slow" };

/** As slow and as plain as can be. */
function patience(durationsMs: readonly number[]): number {
  const sorted = durationsMs.toSorted((one, other) => one - other);
  const p99 = sorted[Math.ceil(sorted.length * 0.99) - 1]!;
  return Math.min(SLOW_AFTER_MS_MAX, Math.max(SLOW_AFTER_MS_MIN, 4 * p99));
}

describe("the breaker", () => {
  it("opens on the first failure, says why and since when, and lets a probe decide", () => {
    expect(after(failed)).toMatchObject({ phase: "open", reason: "slow", sinceMs: 3_000 });
    const probing = after(failed, { type: "probing" });
    expect(probing.phase).toBe("half-open");
    const again = stepBreaker(probing, { type: "probe-failed", reason: "refused" });
    // Since the outage began, not since its last probe.
    expect(again).toMatchObject({ phase: "open", reason: "refused", sinceMs: 3_000, failedProbes: 1 });
    const closed = stepBreaker(stepBreaker(again, { type: "probing" }), acknowledged(20, 9_000));
    expect(closed).toMatchObject({ phase: "closed", reason: undefined, sinceMs: 9_000, failedProbes: 0 });
  });

  it("closes on whatever is acknowledged, probe or not", () => {
    expect(after(failed, acknowledged(1_500)).phase).toBe("closed");
  });

  it("learns nothing from the failure of what was sent before it closed", () => {
    const closed = after(failed, acknowledged(10, 4_000));
    const late = { type: "failed", nowMs: 7_000, sentAtMs: 2_500, reason: "timed-out" } as const;
    expect(stepBreaker(closed, late)).toBe(closed);
    expect(stepBreaker(closed, { ...late, sentAtMs: 4_000 }).phase).toBe("open");
  });

  it("goes through no other transitions than those that are drawn", () => {
    const allowed = new Set(["closed>open", "open>half-open", "half-open>open"]);
    for (const phase of ["open", "half-open"]) allowed.add(`${phase}>closed`);
    const events: readonly BreakerEvent[] = [
      acknowledged(10),
      { ...failed, sentAtMs: 90_000 },
      { type: "probing" },
      { type: "probe-failed", reason: "timed-out" },
    ];
    const seen = new Set<string>();
    const phases: BreakerPhase[] = ["closed", "open", "half-open"];
    for (const phase of phases) {
      for (const event of events) {
        const state = { ...startBreaker(STARTED_AT_MS), phase };
        const next = stepBreaker(state, event).phase;
        if (next !== phase) seen.add(`${phase}>${next}`);
      }
    }
    expect(seen).toEqual(allowed);
  });

  it("waits four times as long as the slowest hundredth of late takes, within bounds", () => {
    const durations = fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 20, maxLength: 600 });
    checkProperty(
      fc.property(durations, (durationsMs) => {
        const state = after(...durationsMs.map((durationMs) => acknowledged(durationMs)));
        expect(state.durationsMs).toEqual(durationsMs.slice(-WINDOW_SAMPLES));
        expect(state.slowAfterMs).toBe(patience(durationsMs.slice(-WINDOW_SAMPLES)));
      }),
    );
  });

  it("does not judge by the first few", () => {
    const few = after(...Array.from({ length: 19 }, () => acknowledged(1)));
    expect(few.slowAfterMs).toBe(startBreaker(0).slowAfterMs);
    expect(stepBreaker(few, acknowledged(1)).slowAfterMs).toBe(SLOW_AFTER_MS_MIN);
  });
});
