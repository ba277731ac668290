/** How much a scan of all rows rests, so that a fold that shares the database's processors with it is hardly slowed. */
import type { OriginState } from "../fold/state.ts";

/** What a scan does between two rests takes about 3 ms. */
const REST_MS_HURRIED = 0;
/** Three times as long as what is done. */
const REST_MS_GENTLE = 9;
/** Thirteen times: a fold that has a backlog needs every processor there is, and so do the other regions' folds. */
const REST_MS_BEHIND = 40;
/** Operations that wait to be folded: below, it is done before the scan is. */
const BACKLOG_OPERATIONS_MIN = 10_000;

/**
 * @param origins all of the partition's, as folded: what their ticks tell of and nobody has folded is a backlog.
 * @returns milliseconds after every few milliseconds' work, for as long as the checkpoint lives long enough for it.
 */
export function scanRestMs(options: {
  isGentle: boolean;
  origins: { readonly [region: string]: OriginState };
}): number {
  if (operationsBehind(options.origins) >= BACKLOG_OPERATIONS_MIN) return REST_MS_BEHIND;
  return options.isGentle ? REST_MS_GENTLE : REST_MS_HURRIED;
}

function operationsBehind(origins: { readonly [region: string]: OriginState }): number {
  const behind = Object.values(origins).map(({ tick, watermark }) =>
    tick === null ? 0 : Math.max(0, tick.walHead - watermark),
  );
  return behind.reduce((sum, operations) => sum + operations, 0);
}
