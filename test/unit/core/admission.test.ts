/** What is refused, and in which order, for whatever the gauges say. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusalAtDoor, type DoorGauges } from "../../../services/core/admission/door.ts";
import {
  DELAY_MS_PATIENT,
  DELAY_MS_TARGET,
  LIMIT_PATIENT,
  nextLimit,
} from "../../../services/core/admission/limit.ts";
import { retryAfterMs } from "../../../services/core/admission/reason.ts";
import { refusalOfWal, rowsTaken } from "../../../services/core/admission/wal.ts";
import { checkProperty } from "../property.ts";

const CALM: DoorGauges = {
  working: 0,
  waiting: 0,
  limit: 100,
  limitMax: 100,
  waitingMax: 100,
  tenant: { working: 0, waiting: 0 },
  tenants: 1,
  memoryBytes: 0,
  memoryBytesMax: 1_000,
};

const anyGauges = fc
  .record({
    limit: fc.integer({ min: 1, max: 200 }),
    limitMax: fc.constant(200),
    waitingMax: fc.integer({ min: 1, max: 200 }),
    working: fc.nat(300),
    waiting: fc.nat(300),
    tenants: fc.integer({ min: 1, max: 50 }),
    ownWorking: fc.double({ min: 0, max: 1, noNaN: true }),
    ownWaiting: fc.double({ min: 0, max: 1, noNaN: true }),
    memoryBytes: fc.nat(1_200),
    memoryBytesMax: fc.constant(1_000),
  })
  .map(({ ownWorking, ownWaiting, ...gauges }): DoorGauges => {
    const working = Math.floor(gauges.working * ownWorking);
    const waiting = Math.floor(gauges.waiting * ownWaiting);
    return { ...gauges, tenant: { working, waiting } };
  });

describe("the door", () => {
  it("never refuses probes, metrics and status", () => {
    checkProperty(
      fc.property(anyGauges, (gauges) => {
        expect(refusalAtDoor("vital", gauges)).toBeUndefined();
      }),
    );
  });

  it("refuses no read where it takes a write, and no write where it takes what the log decides", () => {
    checkProperty(
      fc.property(anyGauges, (gauges) => {
        const isRefused = (kind: "read" | "write" | "ordered") => refusalAtDoor(kind, gauges) !== undefined;
        if (isRefused("read")) expect(isRefused("write")).toBe(true);
        if (isRefused("write")) expect(isRefused("ordered")).toBe(true);
      }),
      { runs: 2_000 },
    );
  });

  it("keeps every bound", () => {
    checkProperty(
      fc.property(anyGauges, fc.constantFrom("read", "write", "ordered"), (gauges, kind) => {
        if (refusalAtDoor(kind, gauges) !== undefined) return;
        expect(gauges.working).toBeLessThan(gauges.limit * 1.25);
        if (kind === "write") expect(gauges.working).toBeLessThan(gauges.limit);
        if (kind === "ordered") expect(gauges.waiting).toBeLessThan(gauges.waitingMax);
      }),
      { runs: 2_000 },
    );
  });

  it("takes on who has nothing in flight while another has more than an equal part, short of the bound", () => {
    checkProperty(
      fc.property(anyGauges, (gauges) => {
        const idle = { ...gauges, tenant: { working: 0, waiting: 0 }, memoryBytes: 0 };
        if (gauges.working < gauges.limit) expect(refusalAtDoor("write", idle)).toBeUndefined();
      }),
    );
  });

  it.each([
    ["write", { working: 99 }, undefined],
    ["write", { working: 100 }, "requests-in-flight"],
    ["write", { working: 50, limit: 50 }, "event-loop-delay"],
    ["read", { working: 124 }, undefined],
    ["read", { working: 125 }, "requests-in-flight"],
    ["ordered", { working: 90 }, "requests-in-flight"],
    ["ordered", { waiting: 99 }, undefined],
    ["ordered", { waiting: 100 }, "requests-waiting"],
    ["write", { waiting: 100 }, undefined],
    ["write", { working: 74, tenants: 2, tenant: { working: 60, waiting: 0 } }, undefined],
    ["write", { working: 75, tenants: 2, tenant: { working: 50, waiting: 0 } }, "tenant-share"],
    ["write", { working: 75, tenants: 2, tenant: { working: 49, waiting: 0 } }, undefined],
    ["ordered", { waiting: 75, tenants: 2, tenant: { working: 0, waiting: 50 } }, "tenant-share"],
    ["write", { working: 16, memoryBytes: 900 }, "memory"],
    ["write", { working: 15, memoryBytes: 2_000 }, undefined],
    ["write", { working: 16, memoryBytes: 899 }, undefined],
    ["ordered", { working: 16, memoryBytes: 850 }, "memory"],
    ["read", { working: 16, memoryBytes: 949 }, undefined],
    ["read", { working: 16, memoryBytes: 950 }, "memory"],
  ] as const)("answers a %s at %o with %s", (kind, gauges, reason) => {
    const all: DoorGauges = { ...CALM, ...gauges };
    expect(refusalAtDoor(kind, all)).toBe(reason);
  });
});

describe("the limit", () => {
  const BOUNDS = { limitMin: 64, limitMax: 4_096 };
  const anySample = fc.record({
    eventLoopDelayMs: fc.double({ min: 0, max: 5_000, noNaN: true }),
    workingMax: fc.nat(5_000),
  });

  it("stays within its bounds, whatever the process feels", () => {
    checkProperty(
      fc.property(fc.array(anySample, { maxLength: 100 }), (samples) => {
        let limit = BOUNDS.limitMax;
        for (const sample of samples) {
          limit = nextLimit(limit, sample, BOUNDS);
          expect(limit).toBeGreaterThanOrEqual(BOUNDS.limitMin);
          expect(limit).toBeLessThanOrEqual(BOUNDS.limitMax);
        }
      }),
    );
  });

  it("falls while the event loop is late, and comes back when it is not", () => {
    checkProperty(
      fc.property(fc.integer({ min: 64, max: 4_096 }), anySample, (limit, sample) => {
        const next = nextLimit(limit, sample, BOUNDS);
        const { eventLoopDelayMs } = sample;
        if (eventLoopDelayMs > DELAY_MS_PATIENT) expect(next).toBeLessThanOrEqual(limit);
        if (eventLoopDelayMs > DELAY_MS_TARGET && limit > LIMIT_PATIENT)
          expect(next).toBeLessThanOrEqual(limit);
        if (eventLoopDelayMs <= DELAY_MS_TARGET)
          expect(next).toBeGreaterThan(Math.min(limit, BOUNDS.limitMax - 1));
      }),
    );
  });

  it.each([
    [0.005, 20, 26],
    [0.02, 20, 30],
    // Fewer than the patient limit would be needed, which is worth it only for a much longer delay.
    [0.1, 42, 58],
    [0.3, 42, 58],
    [0.7, 42, 58],
  ])(
    "finds the work at which the delay is bearable, where each request adds %d ms to it",
    (ms, least, most) => {
      let limit = BOUNDS.limitMax;
      const seen: number[] = [];
      for (let turn = 0; turn < 400; turn += 1) {
        limit = nextLimit(limit, { eventLoopDelayMs: limit * ms, workingMax: limit }, BOUNDS);
        if (turn >= 100) seen.push(limit * ms);
      }
      expect(Math.min(...seen)).toBeGreaterThan(least);
      expect(Math.max(...seen)).toBeLessThan(most);
    },
  );

  it("outlasts a stall: what has gathered meanwhile is taken on", () => {
    const stall = { eventLoopDelayMs: 1_000, workingMax: 50 };
    let limit = BOUNDS.limitMax;
    for (let sample = 0; sample < 50; sample += 1) limit = nextLimit(limit, stall, BOUNDS);
    expect(limit).toBe(LIMIT_PATIENT);
    for (let sample = 0; sample < 3; sample += 1)
      limit = nextLimit(limit, { ...stall, workingMax: 500 }, BOUNDS);
    expect(limit).toBeGreaterThan(LIMIT_PATIENT * 0.7);
  });

  it("follows what was in flight rather than what might have been", () => {
    const sample = { eventLoopDelayMs: DELAY_MS_TARGET * 1.25, workingMax: 1_000 };
    expect(nextLimit(4_096, sample, BOUNDS)).toBe(800);
  });
});

describe("when to come back", () => {
  const anyPressure = fc.record({
    excess: fc.double({ min: 0, max: 1e9, noNaN: true }),
    perSecond: fc.double({ min: 0, max: 1e6, noNaN: true }),
    fraction: fc.double({ min: 0, max: 0.999, noNaN: true }),
  });

  it("is after at least a second and at most a minute", () => {
    checkProperty(
      fc.property(anyPressure, (pressure) => {
        const afterMs = retryAfterMs(pressure);
        expect(afterMs).toBeGreaterThanOrEqual(1_000);
        expect(afterMs).toBeLessThanOrEqual(60_000);
      }),
    );
  });

  it("is when the excess has gone, spread over as long again", () => {
    const excess = { excess: 50_000, perSecond: 10_000 };
    expect(retryAfterMs({ ...excess, fraction: 0 })).toBe(5_000);
    expect(retryAfterMs({ ...excess, fraction: 0.5 })).toBe(7_500);
    expect(retryAfterMs({ excess: 5, perSecond: 0, fraction: 0 })).toBe(5_000);
  });
});

describe("the WAL", () => {
  const anyWal = fc.record({
    rowsMax: fc.integer({ min: 1, max: 10_000 }),
    bytesMax: fc.integer({ min: 1, max: 10_000 }),
    ageMsMax: fc.integer({ min: 1, max: 10_000 }),
  });
  const anyPending = fc.record({
    rows: fc.nat(12_000),
    bytes: fc.nat(12_000),
    oldestAgeMs: fc.nat(12_000),
  });

  it("refuses chores before writes, writes before its bound, and nothing while it has room", () => {
    checkProperty(
      fc.property(anyPending, anyWal, (pending, limits) => {
        const write = refusalOfWal("write", pending, limits);
        if (write !== undefined) expect(refusalOfWal("chore", pending, limits)).toBeDefined();
        if (write === undefined) expect(pending.rows).toBeLessThan(limits.rowsMax);
        if (write === undefined) expect(pending.bytes).toBeLessThan(limits.bytesMax);
        if (write === undefined) expect(pending.oldestAgeMs).toBeLessThan(limits.ageMsMax);
        const hasRoom =
          pending.rows < limits.rowsMax * 0.75 &&
          pending.bytes < limits.bytesMax * 0.75 &&
          pending.oldestAgeMs < limits.ageMsMax * 0.75;
        if (hasRoom && limits.rowsMax >= 20) expect(write).toBeUndefined();
      }),
      { runs: 1_000 },
    );
  });

  it.each([
    [{ rows: 900, bytes: 0, oldestAgeMs: 0 }, "wal-rows"],
    [{ rows: 0, bytes: 9_000, oldestAgeMs: 0 }, "wal-bytes"],
    [{ rows: 0, bytes: 0, oldestAgeMs: 54_000 }, "wal-age"],
    [{ rows: 899, bytes: 8_999, oldestAgeMs: 53_999 }, undefined],
  ])("with %o pending says %s", (pending, reason) => {
    expect(refusalOfWal("write", pending, { rowsMax: 1_000, bytesMax: 10_000, ageMsMax: 60_000 })).toBe(
      reason,
    );
  });

  it("takes a row where it can hold but one", () => {
    expect(rowsTaken("write", { rowsMax: 1, bytesMax: 1, ageMsMax: 1 })).toBe(1);
  });
});
