/** Figures of one region, out of the reports of its processes; each with what it takes to say how old it is. */
import type { PartitionReport, RegionReport } from "../../../protocol/cluster/report.ts";
import type { ClusterView, RegionView } from "../../../protocol/cluster/view.ts";

export interface BufferFigures {
  readonly rows: number;
  readonly bytes: number;
  readonly oldestAgeMs: number;
  readonly oldestOperation: string | undefined;
  readonly troubles: readonly string[];
}

/** The processes of a region agree on what its database says; the one that does the work knows more. */
export function partitionReport(region: RegionView, partition: number): PartitionReport | undefined {
  const reports = region.processes.flatMap((process) =>
    process.partitions.filter((one) => one.partition === partition),
  );
  return reports.find(({ relay }) => relay !== undefined) ?? reports.find(({ fold }) => fold) ?? reports[0];
}

/** All partitions, or the one that is chosen. */
export function partitionReports(region: RegionView, partition?: number): PartitionReport[] {
  const numbers = new Set(
    region.processes.flatMap(({ partitions }) => partitions.map(({ partition }) => partition)),
  );
  return [...numbers]
    .filter((number) => partition === undefined || number === partition)
    .sort((one, other) => one - other)
    .map((number) => partitionReport(region, number))
    .filter((report) => report !== undefined);
}

export function bufferOf(region: RegionView, partition?: number): BufferFigures | undefined {
  const reports = partitionReports(region, partition);
  if (reports.length === 0) return undefined;
  const oldest = reports.reduce((one, other) =>
    other.wal.oldest_age_ms > one.wal.oldest_age_ms ? other : one,
  );
  return {
    rows: reports.reduce((rows, { wal }) => rows + wal.pending_rows, 0),
    bytes: reports.reduce((bytes, { wal }) => bytes + wal.pending_bytes, 0),
    oldestAgeMs: oldest.wal.oldest_age_ms,
    oldestOperation: oldest.wal.oldest_operation,
    troubles: [...new Set(reports.flatMap(({ wal }) => wal.trouble ?? []))],
  };
}

/** The partitions whose log is led from each region, by the newest who tells. */
export function leadersOf(view: ClusterView): Map<number, string> {
  const leaders = new Map<number, { readonly leader: string; readonly term: number }>();
  const heard = view.regions.filter(({ state }) => state === "heard");
  for (const { partition, leader, term = 0, breaker } of heard.flatMap((region) =>
    partitionReports(region),
  )) {
    // Nobody takes what it publishes: the leader that it has heard of last is none any more.
    if (leader === undefined || (breaker.state !== "closed" && breaker.reason === "refused")) continue;
    // Who is cut off knows of an earlier leader: the higher term counts.
    if (term >= (leaders.get(partition)?.term ?? 0)) leaders.set(partition, { leader, term });
  }
  return new Map([...leaders].map(([partition, { leader }]) => [partition, leader]));
}

/** `0–3, 7`. */
export function ranges(numbers: readonly number[]): string {
  const sorted = numbers.toSorted((one, other) => one - other);
  const parts: [number, number][] = [];
  for (const number of sorted) {
    const last = parts[parts.length - 1];
    if (last !== undefined && number === last[1] + 1) last[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(", ");
}

/** One process speaks for the region where figures are of a process. */
export function firstProcess(region: RegionView): RegionReport | undefined {
  return region.processes[0];
}

export type RegionCondition = "well" | "unready" | "draining" | "silent" | "unheard";

export function conditionOf(region: RegionView): RegionCondition {
  if (region.state !== "heard") return region.state;
  if (region.processes.some(({ draining_since: since }) => since !== undefined)) return "draining";
  return region.processes.some(({ is_ready: isReady }) => isReady) ? "well" : "unready";
}

export const CONDITION_WORDS: Readonly<Record<RegionCondition, string>> = {
  well: "serving",
  unready: "not ready",
  draining: "drained",
  silent: "silent",
  unheard: "never heard",
};
