/** What the election demo says at the end, and that it says so when something is wrong. */
import { describe, expect, it } from "vitest";
import {
  findingOf,
  formatSummary,
  summarize,
  type Verification,
} from "../../../infra/demo/election/summary.ts";
import { eventOf, figures, recordingOf, VERIFIED } from "./recordings.ts";

const problemsOf = (recording = recordingOf(), verification: Verification = VERIFIED) =>
  summarize(recording, verification).problems;

describe("a run without a flaw", () => {
  const recording = recordingOf();
  const summary = summarize(recording, VERIFIED);

  it("has nothing wrong with it", () => {
    expect(summary.problems).toEqual([]);
    expect(summary.local).toEqual({
      due: 60_000,
      failed: 0,
      failures: {},
      worst: { latencyMs: 17, region: "ap", atSeconds: 6 },
    });
    expect(summary.authoritative).toEqual({ succeeded: 2_640, refused: 324, unknown: 36 });
    expect(findingOf(summary)).toBe("0 of 60,000 local writes failed while the log lost its leader 6 times");
  });

  it("is told by a table of events and one of facts", () => {
    const text = formatSummary(recording, VERIFIED);
    const cells = text.split("\n").map((line) => line.split(/ {2,}/));
    const events = ["15 s: leader eu killed", "0 of 15,000", "17 ms", "5.5 s", "5.5 s", "5.5 s", "1,800 rows", "600 ms"]; // prettier-ignore
    expect(cells[1]).toEqual(events);
    expect(cells).toContainEqual(["local writes failed", "0 of 60,000"]);
    expect(cells).toContainEqual(["worst local latency", "17 ms (ap, at 6 s)"]);
    expect(cells).toContainEqual(["time to drain after the load", "400 ms"]);
    expect(cells).toContainEqual(["digests", "equal in all regions (604 records)"]);
    expect(text).toContain("\npassed: ");
    expect(text).not.toContain("FAILED");
  });
});

describe("a run with a flaw", () => {
  it("tells local writes that failed, in whatever way", () => {
    for (const way of ["refused", "unknown", "notSent", "waiting"] as const) {
      const recording = recordingOf({
        local: (region, second) =>
          region === "us" && second === 44 ? figures({ succeeded: 193, [way]: 7 }) : undefined,
      });
      expect(problemsOf(recording)).toEqual(["7 of 60,000 local writes failed"]);
      expect(findingOf(summarize(recording, VERIFIED))).toMatch(/^7 of 60,000 local writes failed while/);
      const text = formatSummary(recording, VERIFIED);
      expect(text).toContain("FAILED: 7 of 60,000 local writes failed");
      expect(text).toMatch(/^40 s: leader us flapped +7 of 18,000/m);
      expect(text).not.toContain("passed");
    }
  });

  it("tells why local writes failed", () => {
    const failures = { "503 wal-full": 4, timeout: 3 };
    const recording = recordingOf({
      local: (region, second) =>
        second === 44 && region !== "eu" ? figures({ succeeded: 193, refused: 7, failures }) : undefined,
    });
    expect(problemsOf(recording)).toEqual([
      "14 of 60,000 local writes failed: 8 × 503 wal-full, 6 × timeout",
    ]);
  });

  it("tells what did not drain, after an event or at the end", () => {
    const events = [eventOf({ kind: "cut-off", drainSeconds: undefined })];
    expect(problemsOf(recordingOf({ events }))).toEqual([
      'what waited in the buffers after event "leader eu cut off" did not drain',
    ]);
    const undrained = { ...VERIFIED, drainSeconds: undefined, missing: ["us has 3 of 9 rows of eu"] };
    expect(problemsOf(recordingOf(), undrained)).toEqual([
      "not everything drained: us has 3 of 9 rows of eu",
    ]);
    expect(formatSummary(recordingOf({ events }), undrained)).toMatch(
      /time to drain after the load {2,}never/,
    );
  });

  it("tells digests that differ, and those that could not be taken", () => {
    const [eu, us, ap] = VERIFIED.digests;
    const drift = { ...VERIFIED, digests: [eu!, us!, { region: "ap", digest: "604:00" }] };
    expect(problemsOf(recordingOf(), drift)).toEqual([
      expect.stringMatching(/^digests are not equal: eu 604:ab.*, ap 604:00$/),
    ]);
    expect(formatSummary(recordingOf(), drift)).toContain("NOT EQUAL");
    const untaken = VERIFIED.digests.map(({ region }) => ({
      region,
      digest: undefined,
      problem: "no answer",
    }));
    expect(problemsOf(recordingOf(), { ...VERIFIED, digests: untaken })).toEqual([
      "digests are not equal: eu no answer, us no answer, ap no answer",
    ]);
    expect(
      problemsOf(recordingOf(), { ...VERIFIED, digests: [eu!, { ...ap!, digest: undefined }] }),
    ).toHaveLength(1);
    expect(problemsOf(recordingOf(), { ...VERIFIED, digests: [] })).toHaveLength(1);
  });

  it("tells counters that are not what was acknowledged", () => {
    const counters = ["in us, visits-7 holds 11, and 12 was acknowledged"];
    expect(problemsOf(recordingOf(), { ...VERIFIED, counters })).toEqual(counters);
    expect(formatSummary(recordingOf(), { ...VERIFIED, counters })).toContain(`WRONG: ${counters[0]}`);
  });

  it("does not pass a run in which nothing happened", () => {
    const nothing = recordingOf({ seconds: 2, events: [], local: () => figures() });
    const silent = {
      ...nothing,
      regions: nothing.regions.map((region) => ({
        ...region,
        writes: { ...region.writes, authoritative: [] },
      })),
    };
    expect(problemsOf(silent)).toEqual([
      "no local write was made",
      "no authoritative write was committed",
      "the log never lost its leader, so nothing was shown",
    ]);
    expect(formatSummary(silent, VERIFIED)).toMatch(/worst local latency {2,}none/);
  });

  it("says where authoritative writes never came back before the next event", () => {
    const away = [{ region: "eu", seconds: undefined }];
    const text = formatSummary(recordingOf({ events: [eventOf({ kind: "killed", away })] }), VERIFIED);
    expect(text).toMatch(/leader eu killed .* never/);
  });
});
