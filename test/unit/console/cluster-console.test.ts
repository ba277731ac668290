/** Consoles of several regions that announce to each other: what is told when, how large it is, and what it costs. */
import { Compile } from "typebox/compile";
import { describe, expect, it } from "vitest";
import { ANNOUNCEMENT_BYTES_MAX } from "../../../services/ports/announcements.ts";
import { RegionReport } from "../../../services/protocol/cluster/report.ts";
import { ClusterHistory, ClusterView } from "../../../services/protocol/cluster/view.ts";
import { silentLogger } from "../../../services/runtime/logger.ts";
import { Hearing } from "../../../services/console/hearing.ts";
import { gatherReport } from "../../../services/console/own-report.ts";
import { Air, consoleOf, sourcesOf, TurnedClock } from "./fakes.ts";
import { linkOf, regionReport, REGIONS } from "./reports.ts";

const LOOK_MS = 200;
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** Consoles that look together, five times a second. */
function rig(regions: readonly string[], partitions = 1) {
  const [clock, air] = [new TurnedClock(), new Air()];
  const stop = new AbortController();
  const consoles = new Map(
    regions.map((region) => [region, consoleOf({ region, regions, partitions, clock, air })]),
  );
  // Listens; the looks are the test's.
  stop.abort();
  for (const one of consoles.values()) void one.run(stop.signal);
  const look = (count: number) => {
    for (let looked = 0; looked < count; looked += 1) {
      clock.ms += LOOK_MS;
      for (const one of consoles.values()) one.look();
    }
  };
  return { clock, air, consoles, look, of: (region: string) => consoles.get(region)! };
}

describe("a console", () => {
  it("announces once a second, and makes a view as often, also with nobody to look at it", () => {
    const { air, look, of } = rig(REGIONS);
    look(15);
    const [announced, at] = [air.announced, of("eu").view().viewer.at];
    look(25);
    expect(air.announced - announced).toBe(5 * REGIONS.length);
    expect(of("eu").view().viewer.at - at).toBe(5_000);
    const view = of("eu").view();
    expect([...Compile(ClusterView).Errors(view)].slice(0, 2)).toEqual([]);
    expect(view.regions.map(({ state }) => state)).toEqual(["heard", "heard", "heard"]);
    const history = of("eu").history({ spanMs: 5_000, points: 5 });
    expect([...Compile(ClusterHistory).Errors(history)].slice(0, 2)).toEqual([]);
  });

  it("tells a third region of a cut link at once, and each follower of a view that shows it", () => {
    const { air, look, of } = rig(REGIONS);
    look(20);
    const seen: string[] = [];
    const end = of("ap").follow(
      (text) => void seen.push(linkOf(JSON.parse(text) as ClusterView, "us", "eu")!),
    );
    air.cut.add("us eu");
    // Two seconds of silence, and a look of each.
    look(2_000 / LOOK_MS + 2);
    expect(seen.at(-1)).toBe("cut");
    expect(linkOf(of("eu").view(), "us", "eu")).toBe("cut");
    // Whether us hears eu it could only say to eu itself.
    expect(linkOf(of("eu").view(), "eu", "us")).toBe("dark");
    expect(linkOf(of("ap").view(), "eu", "us")).toBe("ok");
    end();
    const { length } = seen;
    look(10);
    expect(seen).toHaveLength(length);
  });

  it("tells a third region within two seconds and two looks, at whatever time of the second the link is cut", () => {
    for (let phase = 0; phase < 1_000 / LOOK_MS; phase += 1) {
      const { air, look, of } = rig(REGIONS);
      look(20 + phase);
      air.cut.add("us eu");
      look(2_000 / LOOK_MS + 2);
      expect(linkOf(of("ap").view(), "us", "eu"), `phase ${phase}`).toBe("cut");
    }
  });

  it("calls nobody silent after a pause of its own process, before it has heard what has come meanwhile", () => {
    const { clock, air, look, of } = rig(REGIONS);
    look(20);
    air.hold("eu");
    clock.ms += 10_000;
    for (const region of ["us", "ap"]) of(region).look();
    for (const region of ["us", "ap"]) of(region).look();
    // Timers come before what has arrived.
    of("eu").look();
    air.release("eu");
    look(10);
    expect(
      of("eu")
        .view()
        .events.filter(({ kind }) => kind === "region-silent"),
    ).toEqual([]);
  });

  it("goes on where each of its looks is late, and shows no view that is old", () => {
    const { clock, look, of } = rig(REGIONS);
    look(20);
    let built = 0;
    of("eu").follow(() => (built += 1));
    const ageOf = ({ viewer }: ClusterView) => clock.nowMs() - viewer.at;
    for (let looked = 0; looked < 4; looked += 1) {
      clock.ms += 1_500;
      of("eu").look();
    }
    expect(built).toBe(2);
    expect(ageOf(of("eu").view())).toBe(0);
    clock.ms += 4_000;
    // The first to ask after a pause sees what was there before it; the next one does not.
    expect(ageOf(of("eu").view())).toBe(4_000);
    expect(ageOf(JSON.parse(of("eu").viewText()) as ClusterView)).toBe(0);
  });

  it("says once that its view can't be made, however often it looks", () => {
    const errors: unknown[] = [];
    const logger = { ...silentLogger, error: (...told: unknown[]) => void errors.push(told) };
    const [clock, air] = [new TurnedClock(), new Air()];
    let isWell = false;
    const problems = () => {
      if (isWell) return [];
      throw new Error("no problems today");
    };
    const one = consoleOf({ region: "eu", regions: ["eu"], partitions: 1, clock, air, logger, problems });
    const looks = () => {
      for (let looked = 0; looked < 10; looked += 1) {
        clock.ms += LOOK_MS;
        one.look();
      }
    };
    looks();
    expect(errors).toHaveLength(1);
    isWell = true;
    clock.ms += 61_000;
    looks();
    isWell = false;
    looks();
    expect(errors).toHaveLength(2);
  });

  it("stays within the bound of an announcement at sixteen partitions and nine regions", () => {
    const regions = Array.from({ length: 9 }, (_, index) => `a-region-with-a-long-name-${index}`);
    const clock = new TurnedClock();
    const sources = sourcesOf({ region: regions[0]!, regions, partitions: 16, clock });
    const peers = () =>
      regions.map((region) => ({ region, heard_ms: 300, round_trip_ms: 85.5, clock_offset_ms: -12 }));
    const report = gatherReport({ ...sources, peers, clocks: () => ({ sets: 0, leads: [] }) }, 1_000_000);
    expect(Compile(RegionReport).Check(report)).toBe(true);
    expect(encode(report).byteLength).toBeLessThan(ANNOUNCEMENT_BYTES_MAX / 2);
  });
});

describe("hearing", () => {
  const listen = (clock = new TurnedClock()) => ({
    clock,
    hearing: new Hearing({ region: "eu", process: "own", clock, logger: silentLogger }),
  });

  it("takes reports in their region's own name alone, and of versions that it reads", () => {
    const { hearing } = listen();
    hearing.hear("us", encode(regionReport("ap")));
    hearing.hear("us", encode({ ...regionReport("us"), version: 2 }));
    hearing.hear("us", new TextEncoder().encode("{"));
    hearing.hear("us", new Uint8Array([0xff, 0xfe]));
    hearing.hear("us", encode(null));
    expect(hearing.regions).toEqual([]);
    hearing.hear("us", encode({ ...regionReport("us"), added_later: 1 }));
    expect(hearing.regions).toEqual(["us"]);
  });

  it("keeps the newest of each process, whatever order they come in", () => {
    const { hearing } = listen();
    for (const sequence of [2, 1]) hearing.hear("us", encode(regionReport("us", { sequence })));
    expect(hearing.of("us").map(({ report }) => report.sequence)).toEqual([2]);
  });

  it("forgets a process after a minute, and of a silent region what it told last never", () => {
    const { hearing, clock } = listen();
    const processes = () => hearing.of("us").map(({ report }) => report.process);
    hearing.hear("us", encode(regionReport("us", { process: "early" })));
    clock.ms += 10_000;
    for (const process of ["one", "other"]) hearing.hear("us", encode(regionReport("us", { process })));
    expect(processes()).toHaveLength(3);
    clock.ms += 600_000;
    expect(processes().toSorted()).toEqual(["one", "other"]);
    expect(hearing.lastAtMs("us")).toBe(110_000);
    hearing.hear("us", encode(regionReport("us", { process: "new" })));
    expect(processes()).toEqual(["new"]);
  });

  it("is bounded in regions and processes", () => {
    const { hearing } = listen();
    for (let count = 0; count < 200; count += 1) {
      hearing.hear(`r-${count}`, encode(regionReport(`r-${count}`)));
      hearing.hear("r-0", encode(regionReport("r-0", { process: `p-${count}` })));
    }
    expect(hearing.regions).toHaveLength(64);
    expect(hearing.of("r-0")).toHaveLength(32);
    expect(hearing.peers()).toHaveLength(64);
  });

  it("estimates a clock by the report that came quickest, less half the round trip", () => {
    const { hearing, clock } = listen();
    hearing.measured({ us: 80 });
    for (const [sequence, lateMs] of [
      [1, 140],
      [2, 60],
      [3, 400],
    ] as const) {
      // prettier-ignore
      clock.ms += 1_000;
      hearing.hear("us", encode(regionReport("us", { sequence, sent_at: clock.nowMs() + 120 - lateMs })));
    }
    // 60 ms on the way are taken for 40: it is called 20 ms more behind than it is, at most.
    expect(hearing.peers()[0]).toMatchObject({ region: "us", round_trip_ms: 80, clock_offset_ms: 100 });
  });
});
