/** How the process feels: how late its event loop is, and how much memory it holds. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { ProcessLoad } from "../gateway/admission/admission.ts";
import type { Clock } from "../ports/clock.ts";

const SAMPLE_EVERY_MS = 200;
/** The monitor's own timer: what it measures at rest. */
const RESOLUTION_MS = 5;
const NANOSECONDS_PER_MS = 1e6;

/** Tells how the process feels, several times a second, until stopped. */
export async function watchProcessLoad(
  onLoad: (load: ProcessLoad) => void,
  clock: Clock,
  stop: AbortSignal,
): Promise<void> {
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  monitor.enable();
  let lookedAtMs = clock.monotonicMs();
  while (!stop.aborted) {
    await clock.sleep(SAMPLE_EVERY_MS, stop);
    const nowMs = clock.monotonicMs();
    // Without a single measurement the mean is no number.
    const meanMs = monitor.count === 0 ? 0 : monitor.mean / NANOSECONDS_PER_MS;
    monitor.reset();
    onLoad({
      eventLoopDelayMs: Math.max(0, meanMs - RESOLUTION_MS),
      memoryBytes: process.memoryUsage.rss(),
      elapsedMs: nowMs - lookedAtMs,
    });
    lookedAtMs = nowMs;
  }
  monitor.disable();
}
