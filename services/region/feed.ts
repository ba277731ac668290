/** What the feed of changes is told of a process's configuration. */
import type { FeedSettings } from "../gateway/feed/feed.ts";
import type { RegionConfig } from "../runtime/config.ts";
import type { RegionMetrics } from "./metrics/all.ts";

export function feedOf({ sessionSecret, trim }: RegionConfig, { feed }: RegionMetrics): FeedSettings {
  return { feedMetrics: feed, sessionSecret, changesRetentionMs: trim.changesRetentionMs };
}
