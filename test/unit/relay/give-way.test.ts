/** A backlog that gives way to clients' writes, and when it doesn't. */
import { describe, expect, it } from "vitest";
import {
  BACKLOG_AGE_MS,
  GiveWay,
  GIVES_WAY_MS_MAX,
  REST_FIRST_MS,
  REST_MS_MAX,
  type ReadRows,
} from "../../../services/relay/give-way.ts";

const USUAL_MS = 6;
const HELD_UP_MS = 40;

/** What reads of a backlog find that has waited for ten seconds, one every 20 ms, and how long each is followed by a rest. */
function makeBacklog({ usualMs = USUAL_MS }: { usualMs?: number } = {}) {
  const giveWay = new GiveWay();
  let [nowMs, ageMs] = [0, 10_000];
  const caughtUp = (appendMs: number | undefined) =>
    giveWay.restMs({ isFull: false, ageMs: 30, appendMs, nowMs });
  for (let read = 0; read < 300; read += 1) caughtUp(usualMs);
  const restMs = (read: Partial<ReadRows> & { gainedMs?: number } = {}) => {
    const { gainedMs = 10, ...rows } = read;
    nowMs += 20;
    ageMs -= gainedMs;
    return giveWay.restMs({ isFull: true, ageMs, appendMs: HELD_UP_MS, nowMs, ...rows });
  };
  return { restMs, caughtUp, pass: (ms: number) => (nowMs += ms) };
}

describe("a backlog", () => {
  it("begins with a rest, and rests longer while clients' writes take longer than usual, up to a bound", () => {
    const { restMs } = makeBacklog();
    expect([restMs(), restMs(), restMs()]).toEqual([REST_FIRST_MS, REST_MS_MAX, REST_MS_MAX]);
  });

  it("rests less and less once they don't, and soon not at all", () => {
    const { restMs } = makeBacklog();
    restMs();
    const rests = Array.from({ length: 5 }, () => restMs({ appendMs: USUAL_MS }));
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
    expect([restMs({ appendMs: undefined }), restMs({ appendMs: undefined })]).toEqual([0, 0]);
  });

  it("does not rest while it gets older: what is not sent is in one region alone", () => {
    const { restMs } = makeBacklog();
    restMs();
    expect(restMs({ gainedMs: 0 })).toBe(0);
    expect(restMs({ gainedMs: -5 })).toBe(0);
    expect(restMs()).toBeGreaterThan(0);
  });

  it("gives way no longer than for half a minute, and again for the next one", () => {
    const { restMs, caughtUp, pass } = makeBacklog();
    restMs();
    pass(GIVES_WAY_MS_MAX);
    expect([restMs(), restMs()]).toEqual([0, 0]);
    caughtUp(USUAL_MS);
    expect(restMs()).toBe(REST_FIRST_MS);
  });

  it("does not take what it costs for usual", () => {
    const { restMs } = makeBacklog();
    for (let read = 0; read < 500; read += 1) restMs();
    expect(restMs()).toBe(REST_MS_MAX);
  });
});

it("rows that are no backlog never wait", () => {
  const { restMs } = makeBacklog();
  expect(restMs({ isFull: false })).toBe(0);
  expect(restMs({ ageMs: BACKLOG_AGE_MS - 1 })).toBe(0);
});
