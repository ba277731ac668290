/** A wait with an end. */
import type { Clock } from "../ports/clock.ts";

export interface TimeLimit<Late> {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** What there is in place of an answer; may throw. */
  late(): Late;
}

/**
 * Ends as the work does or, where that has not ended within `timeoutMs`, as `late` does. The work goes on, and how it ends then is
 * heard by nobody.
 */
export function inTime<Done, Late>(work: Promise<Done>, limit: TimeLimit<Late>): Promise<Done | Late> {
  return new Promise((resolve, reject) => {
    const end = () => Promise.resolve().then(() => limit.late());
    const callOff = limit.clock.after(limit.timeoutMs, () => resolve(end()));
    work.finally(callOff).then(resolve, reject);
  });
}
