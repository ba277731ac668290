/** What the feed of changes reports, as Prometheus has it. */
import { FEED_CLOSE_REASONS, type FeedMetrics } from "../../gateway/feed/metrics.ts";
import { MS_PER_SECOND, type Meter } from "../../runtime/metrics.ts";

export function createFeedMetrics(meter: Meter): FeedMetrics {
  const subscriptions = meter.gauge({
    name: "forebay_feed_subscriptions",
    help: "Subscriptions to changes of records that this process serves.",
  });
  const connections = meter.gauge({
    name: "forebay_feed_connections",
    help: "Connections of clients that subscribe, over WebSocket or HTTP.",
  });
  const frames = meter.counter({ name: "forebay_feed_frames_total", help: "Frames sent to subscribers." });
  const bytes = meter.counter({
    name: "forebay_feed_bytes_total",
    help: "Bytes of frames sent to subscribers.",
  });
  const behind = meter.counter({
    name: "forebay_feed_behind_total",
    help: "Times that a subscriber did not take what it was sent, and went on from the database.",
  });
  const closed = meter.counter({
    name: "forebay_feed_closed_total",
    help: "Connections of subscribers that have ended, by reason.",
    labels: ["reason"],
  });
  const delays = meter.histogram({
    name: "forebay_feed_delivery_seconds",
    help: "Time from when a write was accepted in this region until its subscribers were sent it.",
  });
  for (const reason of FEED_CLOSE_REASONS) closed.inc({ reason }, 0);
  return {
    subscribed: (count) => subscriptions.set(count),
    connected: (count) => connections.set(count),
    closed: (reason) => closed.inc({ reason }),
    sent({ bytes: sent }) {
      frames.inc();
      bytes.inc(sent);
    },
    delivered: ({ afterMs }) => delays.observe(afterMs / MS_PER_SECOND),
    fellBehind: () => behind.inc(),
  };
}
