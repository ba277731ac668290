/** What relays report, as Prometheus has it. */
import type { RelayMetrics } from "../../relay/metrics.ts";
import { PUBLISH_OUTCOMES } from "../../runtime/log-breaker.ts";
import { MS_PER_SECOND, type Meter } from "../../runtime/metrics.ts";

const PARTITION = ["partition"] as const;

/** Made once per process, and handed out by partition. */
export function createRelayMetrics(meter: Meter): (partition: number) => RelayMetrics {
  const published = createPublishMetrics(meter);
  const observe = createStateMetrics(meter);
  return (number) => {
    const partition = String(number);
    published.begin(partition);
    return {
      observe: (state) => observe(partition, state),
      published: (publish) => published.count(partition, publish),
    };
  };
}

type Publish = Parameters<RelayMetrics["published"]>[0];
type State = Parameters<RelayMetrics["observe"]>[0];

interface PublishMetrics {
  /** Tells of a partition before anything has happened. */
  begin(partition: string): void;
  count(partition: string, publish: Publish): void;
}

function createPublishMetrics(meter: Meter): PublishMetrics {
  const publishes = meter.counter({
    name: "forebay_relay_publishes_total",
    help: "Batches published to the log, by outcome.",
    labels: ["partition", "outcome"],
  });
  const bytesTotal = meter.counter({
    name: "forebay_relay_published_bytes_total",
    help: "Bytes of the batches that the log acknowledged.",
    labels: PARTITION,
  });
  const durations = meter.histogram({
    name: "forebay_relay_publish_duration_seconds",
    help: "Time until the log acknowledged or refused a batch.",
    labels: PARTITION,
  });
  return {
    begin(partition) {
      for (const outcome of [...PUBLISH_OUTCOMES, "duplicate"]) publishes.inc({ partition, outcome }, 0);
      bytesTotal.inc({ partition }, 0);
      durations.zero({ partition });
    },
    count(partition, { outcome, durationMs, bytes }) {
      publishes.inc({ partition, outcome });
      durations.observe({ partition }, durationMs / MS_PER_SECOND);
      bytesTotal.inc({ partition }, bytes);
    },
  };
}

function createStateMetrics(meter: Meter): (partition: string, state: State) => void {
  const inFlight = meter.gauge({
    name: "forebay_relay_batches_in_flight",
    help: "Batches published and not yet acknowledged.",
    labels: PARTITION,
  });
  const unfolded = meter.gauge({
    name: "forebay_relay_batches_unfolded",
    help: "Batches acknowledged and not yet folded by this region.",
    labels: PARTITION,
  });
  const window = meter.gauge({
    name: "forebay_relay_window",
    help: "How many batches may be on their way to this region's fold; follows what the log and the fold take.",
    labels: PARTITION,
  });
  const isInDoubt = meter.gauge({
    name: "forebay_relay_in_doubt",
    help: "1 while the relay does not know what became of a batch.",
    labels: PARTITION,
  });
  const epoch = meter.gauge({
    name: "forebay_relay_epoch",
    help: "Epoch of the relay that this process last was.",
    labels: PARTITION,
  });
  return (partition, state) => {
    inFlight.set({ partition }, state.inFlight.length);
    unfolded.set({ partition }, state.unfolded.length);
    window.set({ partition }, state.window.size);
    isInDoubt.set({ partition }, state.phase === "doubt" ? 1 : 0);
    epoch.set({ partition }, state.epoch);
  };
}
