/** A backlog that gives way to clients' writes, and when it doesn't. */
import { describe, expect, it } from "vitest";
import {
  BACKLOG_AGE_MS,
  BUDGET_MS,
  GiveWay,
  REST_FIRST_MS,
  REST_MS_MAX,
  type ReadRows,
} from "../../../services/relay/give-way.ts";

const USUAL_MS = 6;
const HELD_UP_MS = 40;

/** What reads of a backlog find that has waited for long, one every 20 ms, and how long each is followed by a rest. */
function makeBacklog(options: { usualMs?: number | undefined; ageMs?: number } = {}) {
  const usual = { usualMs: USUAL_MS, ...options }.usualMs;
  const giveWay = new GiveWay();
  let [nowMs, ageMs] = [0, options.ageMs ?? 100_000];
  const caughtUp = (meanMs: number | undefined) =>
    giveWay.restMs({ isFull: false, ageMs: 30, meanMs, underWayMs: 0, nowMs });
  for (let read = 0; read < 300; read += 1) caughtUp(usual);
  const restMs = (read: Partial<ReadRows> & { gainedMs?: number } = {}) => {
    const { gainedMs = 10, ...rows } = read;
    nowMs += 20;
    ageMs -= gainedMs;
    return giveWay.restMs({ isFull: true, ageMs, meanMs: HELD_UP_MS, underWayMs: 0, nowMs, ...rows });
  };
  return { giveWay, restMs, caughtUp, pass: (ms: number) => (nowMs += ms) };
}

describe("a backlog", () => {
  it("begins with a rest, and rests longer while clients' writes take longer than usual, up to a bound", () => {
    const { restMs } = makeBacklog();
    expect([restMs(), restMs(), restMs()]).toEqual([REST_FIRST_MS, REST_MS_MAX, REST_MS_MAX]);
  });

  it("rests less and less once they don't, and soon not at all", () => {
    const { restMs } = makeBacklog();
    restMs();
    const rests = Array.from({ length: 5 }, () => restMs({ meanMs: USUAL_MS }));
    expect(rests).toEqual([25, 12.5, 6.25, 0, 0]);
    expect(restMs()).toBe(10);
  });

  it("goes by what is usual here: where appends always take long, it does not rest for that", () => {
    const { restMs } = makeBacklog({ usualMs: HELD_UP_MS });
    restMs();
    expect(restMs()).toBe(REST_FIRST_MS / 2);
  });

  it("does not rest where nobody writes", () => {
    const { restMs } = makeBacklog();
    expect([restMs({ meanMs: undefined }), restMs({ meanMs: undefined })]).toEqual([0, 0]);
  });

  it("does not rest while it gets older: what is not sent is in one region alone", () => {
    const { restMs } = makeBacklog();
    restMs();
    expect(restMs({ gainedMs: 0 })).toBe(0);
    expect(restMs({ gainedMs: -5 })).toBe(0);
    expect(restMs()).toBeGreaterThan(0);
  });

  it("rests out of a budget, which fills again slowly, whatever comes in between", () => {
    const { restMs, caughtUp, pass } = makeBacklog();
    const restFor = (reads: number): number => {
      let sum = 0;
      for (let read = 0; read < reads; read += 1) {
        const rested = restMs();
        pass(rested);
        sum += rested;
        if (read % 50 === 49) caughtUp(USUAL_MS);
      }
      return sum;
    };
    const first = restFor(1_000);
    expect(first).toBeGreaterThanOrEqual(BUDGET_MS);
    expect(first).toBeLessThan(BUDGET_MS * 1.15);
    // 20 s and more, of which one in twenty.
    expect(restFor(1_000)).toBeLessThan(BUDGET_MS / 10);
    pass(10 * 60_000);
    caughtUp(USUAL_MS);
    expect([restMs(), restMs()]).toEqual([REST_FIRST_MS, REST_MS_MAX]);
  });

  it("is another one after a doubt, and not measured against the age of the one before", () => {
    const { giveWay, restMs } = makeBacklog();
    restMs();
    giveWay.restart();
    expect(restMs({ gainedMs: -60_000 })).toBe(REST_FIRST_MS);
  });

  it("is not over before it is nearly young: one about a second old does not begin anew each time", () => {
    const { restMs } = makeBacklog({ ageMs: 1_020 });
    const rests = Array.from({ length: 20 }, (_, read) =>
      restMs({ meanMs: USUAL_MS, gainedMs: read % 2 === 0 ? 20 : -20 }),
    );
    expect(rests.reduce((sum, rested) => sum + rested)).toBe(REST_FIRST_MS);
  });

  it("rests once where nothing is known of what is usual", () => {
    const { restMs } = makeBacklog({ usualMs: undefined });
    expect([restMs(), restMs(), restMs(), restMs()]).toEqual([50, 25, 12.5, 6.25]);
  });

  it("rests for an append that hangs as for those that took long", () => {
    const { restMs } = makeBacklog();
    const hanging = { meanMs: undefined, underWayMs: 2_000 };
    expect([restMs(hanging), restMs(hanging)]).toEqual([REST_FIRST_MS, REST_MS_MAX]);
  });

  it("does not take for usual what took long for a moment", () => {
    const { caughtUp, restMs } = makeBacklog();
    for (let read = 0; read < 20; read += 1) caughtUp(3_000);
    restMs();
    expect(restMs()).toBe(REST_MS_MAX);
  });

  it("does not take what it costs for usual", () => {
    const { restMs } = makeBacklog();
    for (let read = 0; read < 200; read += 1) restMs();
    expect(restMs()).toBe(REST_MS_MAX);
  });
});

it("rows that are no backlog never wait", () => {
  const { restMs } = makeBacklog();
  expect(restMs({ isFull: false })).toBe(0);
  expect(restMs({ ageMs: BACKLOG_AGE_MS - 1 })).toBe(0);
});
