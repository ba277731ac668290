/** Lag as the page shows it: a matrix of origins and regions, and the pairs that wait, the longest first. */
import type { LagReason, LagView } from "../../../protocol/cluster/view.ts";

export interface LagCell {
  readonly origin: string;
  readonly region: string;
  /** Of all partitions that are looked at. */
  readonly operations: number;
  readonly inBuffer: number;
  readonly inLog: number;
  readonly inFold: number;
  /** The one that is furthest behind. */
  readonly worst: LagView;
}

export interface LagFilter {
  readonly origin?: string | undefined;
  readonly region?: string | undefined;
  readonly partition?: number | undefined;
}

/** A lag that explains itself: nobody has to do anything about it. */
const QUIET: ReadonlySet<LagReason> = new Set(["nothing", "on-its-way", "backlog", "fold-busy"]);

export function isQuiet({ reason }: LagView): boolean {
  return QUIET.has(reason);
}

export function filterLags(lags: readonly LagView[], { origin, region, partition }: LagFilter): LagView[] {
  return lags.filter(
    (lag) =>
      (origin === undefined || lag.origin === origin) &&
      (region === undefined || lag.region === region) &&
      (partition === undefined || lag.partition === partition),
  );
}

/** By origin and region: `cells.get("eu")?.get("us")`. */
export function lagMatrix(lags: readonly LagView[]): Map<string, Map<string, LagCell>> {
  const rows = new Map<string, Map<string, LagCell>>();
  for (const lag of lags) {
    let row = rows.get(lag.origin);
    if (row === undefined) rows.set(lag.origin, (row = new Map<string, LagCell>()));
    row.set(lag.region, addLag(row.get(lag.region), lag));
  }
  return rows;
}

function addLag(cell: LagCell | undefined, lag: LagView): LagCell {
  const { origin, region } = lag;
  return {
    origin,
    region,
    operations: (cell?.operations ?? 0) + lag.operations,
    inBuffer: (cell?.inBuffer ?? 0) + lag.in_buffer,
    inLog: (cell?.inLog ?? 0) + lag.in_log,
    inFold: (cell?.inFold ?? 0) + lag.in_fold,
    worst: cell === undefined || isWorse(lag, cell.worst) ? lag : cell.worst,
  };
}

/** What somebody has to look at comes before what is only old. */
export function isWorse(one: LagView, other: LagView): boolean {
  if (isQuiet(one) !== isQuiet(other)) return !isQuiet(one);
  return one.age_ms !== other.age_ms ? one.age_ms > other.age_ms : one.operations > other.operations;
}

/** Only what waits, or can't be told; the worst first. */
export function worstLags(lags: readonly LagView[]): LagView[] {
  return lags
    .filter(({ operations, reason }) => operations > 0 || reason !== "nothing")
    .sort((one, other) => (isWorse(one, other) ? -1 : 1));
}
