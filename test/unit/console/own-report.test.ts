/** A report is readable whatever its sources say: one that is not would make its region look silent everywhere. */
import fc from "fast-check";
import { Compile } from "typebox/compile";
import { describe, expect, it } from "vitest";
import { RegionReport } from "../../../services/protocol/cluster/report.ts";
import { gatherReport } from "../../../services/console/own-report.ts";
import { RoleFigures } from "../../../services/console/role-figures.ts";
import { ObservedRoles } from "../../../services/region/observed-roles.ts";
import { startRelay } from "../../../services/relay/step.ts";
import { silentMetrics } from "../../simulation/metrics.ts";
import { sourcesOf, storeFigures, TurnedClock } from "./fakes.ts";

const validator = Compile(RegionReport);
const REGIONS = ["ap", "eu", "us"];

describe("a report", () => {
  it("is readable whatever windows, ages, problems and round trips there are", () => {
    fc.assert(
      fc.property(
        fc.record({
          window: fc.double({ min: 1, max: 64, noNaN: true }),
          ageMs: fc.double({ min: 0, max: 1e7, noNaN: true }),
          problems: fc.array(fc.string({ maxLength: 2_000 }), { maxLength: 100 }),
          quorumMs: fc.oneof(fc.constant(Infinity), fc.double({ min: 0, max: 1e4, noNaN: true })),
          reason: fc.option(fc.string({ maxLength: 3_000 }), { nil: undefined }),
          drainingSinceMs: fc.option(fc.double({ min: 0, max: 1e13, noNaN: true }), { nil: undefined }),
          isHeld: fc.boolean(),
        }),
        ({ window, ageMs, problems, quorumMs, reason, drainingSinceMs, isHeld }) => {
          const clock = new TurnedClock();
          const figures = new RoleFigures(1);
          figures.held("applier", 0, isHeld);
          const roles = new ObservedRoles(figures, clock);
          const folded = { sequence: 7, chain: "", position: 3 };
          const started = startRelay({ epoch: 3, folded });
          const relay = { ...started, window: { ...started.window, size: window } };
          roles.relay(0, silentMetrics).observe(relay);
          roles.applier(0, silentMetrics).stopped(reason);
          roles.placement(silentMetrics).ranked(0, [{ region: "ap", quorumRoundTripMs: quorumMs }]);
          const sources = {
            ...sourcesOf({ region: "eu", regions: REGIONS, partitions: 1, clock }),
            figures,
            lastFigures: () => storeFigures(REGIONS, clock.monotonicMs() - ageMs),
            problems: () => problems,
            drainingSinceMs: () => drainingSinceMs,
          };
          const report = gatherReport(
            { ...sources, peers: () => [], clocks: () => ({ sets: 0, leads: [] }) },
            1,
          );
          expect([...validator.Errors(report)].slice(0, 2)).toEqual([]);
          expect(report.is_ready).toBe(problems.length === 0);
        },
      ),
    );
  });

  it("tells of the last verdict on all regions besides one on too few", () => {
    const sources = sourcesOf({ region: "eu", regions: REGIONS, partitions: 1, clock: new TurnedClock() });
    const told = (id: string, verdict: string) => {
      sources.figures.verified(0, { id, verdict, at: 1, differing_records: 0 });
      const [partition] = gatherReport(
        { ...sources, peers: () => [], clocks: () => ({ sets: 0, leads: [] }) },
        1,
      ).partitions;
      return [partition!.verdict?.id, partition!.compared?.id];
    };
    expect(told("a", "diverged")).toEqual(["a", undefined]);
    expect(told("b", "unreachable")).toEqual(["b", "a"]);
    expect(told("c", "schema-mismatch")).toEqual(["c", "a"]);
    expect(told("d", "match")).toEqual(["d", undefined]);
  });

  it("tells of the newest that is known: what was folded since the database was read", () => {
    const clock = new TurnedClock();
    const sources = sourcesOf({ region: "eu", regions: REGIONS, partitions: 1, clock });
    const { positions } = storeFigures(REGIONS, 0);
    const news = { position: positions.position + 5, logTimeMs: 1, origins: positions.origins };
    const applied = (position: number) =>
      gatherReport(
        {
          ...sources,
          lastFold: () => ({ ...news, position }),
          peers: () => [],
          clocks: () => ({ sets: 0, leads: [] }),
        },
        1,
      ).partitions[0]!.applied;
    expect(applied(news.position)).toBe(positions.position + 5);
    expect(applied(positions.position - 5)).toBe(positions.position);
  });

  it("says what the log has acknowledged, in whatever order it has", () => {
    const figures = new RoleFigures(1);
    const roles = new ObservedRoles(figures, new TurnedClock());
    const started = startRelay({ epoch: 3, folded: { sequence: 7, chain: "", position: 3 } });
    const relay = roles.relay(0, silentMetrics);
    const sent = (last: number) => ({ last, sentAtMs: 0 });
    const placed = (last: number) => ({ ...sent(last), position: last });
    relay.observe({ ...started, inFlight: [sent(20)], unfolded: [placed(10), placed(30)] });
    expect(figures.of(0).relay?.published).toBe(10);
    relay.observe({ ...started, inFlight: [], unfolded: [placed(10), placed(20), placed(30)] });
    expect(figures.of(0).relay?.published).toBe(30);
    figures.held("relay", 0, false);
    expect(figures.of(0).relay).toBeUndefined();
  });
});
