/** How old a region's committed state may be, as the log itself proves it. */
import { hlcMilliseconds, MAX_OFFSET_MS, ZERO_HLC, type Hlc } from "./hlc.ts";

export interface ProvenPlace {
  readonly logTimeMs: number;
  readonly origins: {
    readonly [region: string]: { readonly hlc: Hlc; readonly tick?: { readonly isAssumed?: true } | null };
  };
}

/**
 * Upper bound, in milliseconds, on the age of what is missing: whatever another region accepted before its folded stamp
 * is folded, and so is whatever the log took before log time. One that was added takes writes only after its first tick.
 * Clocks may differ by the maximum offset, which is added. An own clock that log time and another region's stamps are ahead
 * of is behind.
 */
export function stalenessMs(place: ProvenPlace, own: { region: string; nowMs: number }): number {
  const others = Object.entries(place.origins).filter(
    ([region, { tick, hlc }]) => region !== own.region && (tick?.isAssumed !== true || hlc !== ZERO_HLC),
  );
  const stampsMs = others.map(([, origin]) => hlcMilliseconds(origin.hlc));
  const provenMs = Math.min(place.logTimeMs, ...stampsMs);
  const agreedMs = Math.min(place.logTimeMs, Math.max(0, ...stampsMs));
  return Math.max(own.nowMs - provenMs, agreedMs - provenMs, 0) + MAX_OFFSET_MS;
}
