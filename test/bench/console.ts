/**
 * `npm run bench console`: what a process pays for its view of a cluster of nine regions and sixteen partitions that all lag,
 * with one live feed open: its own report, eight that come, the looks, the view, and the view as JSON.
 */
import { Air, consoleOf, sourcesOf, TurnedClock } from "../unit/console/fakes.ts";
import { gatherReport } from "../../services/console/own-report.ts";
import type { PartitionReport, RegionReport } from "../../services/protocol/cluster/report.ts";
import { report, round } from "./report.ts";

const REGIONS = Array.from({ length: 9 }, (_, index) => `region-${index}`);
const PARTITIONS = 16;
const LOOKS_PER_SECOND = 5;
const WARM_UP_SECONDS = 60;
const SECONDS = 600;

export function benchConsole(): Promise<void> {
  const [clock, air] = [new TurnedClock(), new Air()];
  const own = consoleOf({ region: REGIONS[0]!, regions: REGIONS, partitions: PARTITIONS, clock, air });
  const stopped = AbortSignal.abort();
  void own.run(stopped);
  let [followed, bytes] = [0, 0];
  own.follow((text) => {
    followed += 1;
    bytes = text.length;
  });
  const others = REGIONS.slice(1).map((region) => ({
    announcements: air.of(region),
    report: gatherReport(
      {
        ...sourcesOf({ region, regions: REGIONS, partitions: PARTITIONS, clock }),
        peers: peersOf(region),
        clocks: () => ({ sets: 0, leads: [] }),
      },
      1,
    ),
  }));
  let usedMicroseconds = 0;
  for (let second = 1; second <= WARM_UP_SECONDS + SECONDS; second += 1) {
    const messages = others.map(({ report: told }) => Buffer.from(JSON.stringify(later(told, second))));
    const before = process.cpuUsage();
    for (const [index, { announcements }] of others.entries())
      announcements.announce("status", messages[index]!);
    for (let look = 0; look < LOOKS_PER_SECOND; look += 1) {
      clock.ms += 1_000 / LOOKS_PER_SECOND;
      own.look();
    }
    const { user, system } = process.cpuUsage(before);
    if (second > WARM_UP_SECONDS) usedMicroseconds += user + system;
  }
  report("console", {
    regions: REGIONS.length,
    partitions: PARTITIONS,
    lags: own.view().lags.length,
    views: followed,
    view_bytes: bytes,
    cpu_ms_per_second: round(usedMicroseconds / 1_000 / SECONDS),
    core_percent: round(usedMicroseconds / 10_000 / SECONDS),
  });
  return Promise.resolve();
}

function peersOf(region: string) {
  const others = REGIONS.filter((other) => other !== region);
  return () =>
    others.map((other) => ({ region: other, heard_ms: 300, round_trip_ms: 80, clock_offset_ms: 1 }));
}

/** The same region some seconds on: its WALs grow, and everybody is behind. */
function later(told: RegionReport, second: number): RegionReport {
  const partitions = told.partitions.map((partition): PartitionReport => ({
    ...partition,
    applied: partition.applied + second * 10,
    wal: { ...partition.wal, head: partition.wal.head + second * 100 },
    watermarks: Object.fromEntries(
      Object.entries(partition.watermarks).map(([region, value]) => [region, value + second * 99]),
    ),
  }));
  return { ...told, sequence: second, sent_at: told.sent_at + second * 1_000, partitions };
}
