/** Events on a line of time: one row per partition, the newest at the right. The table beneath says the same in words. */
import type { ClusterEvent } from "../../../protocol/cluster/view.ts";
import { duration } from "../model/format.ts";
import { timelineOf } from "../model/timeline.ts";

const PERCENT = 100;

export function Timeline({
  events,
  nowMs,
}: {
  readonly events: readonly ClusterEvent[];
  readonly nowMs: number;
}) {
  const { fromMs, rows } = timelineOf(events, nowMs);
  const place = (atMs: number) => (PERCENT * (atMs - fromMs)) / Math.max(1, nowMs - fromMs);
  const span = duration(nowMs - fromMs);
  return (
    <div class="timeline" role="img" aria-label={`${events.length} events of the log in the last ${span}`}>
      {rows.map(({ name, events: inRow }) => (
        <div key={name} class="track">
          <span>{name}</span>
          <div>
            {inRow.map((event, index) => (
              <i
                key={`${event.at} ${index}`}
                class={isLoss(event) ? "loss" : "gain"}
                title={event.text}
                style={{ left: `${place(event.at)}%` }}
              />
            ))}
          </div>
        </div>
      ))}
      <div class="ends">
        <span>{span} ago</span>
        <span>now</span>
      </div>
    </div>
  );
}

/** What is lost is drawn as a square, what is won as a circle. */
function isLoss({ kind }: ClusterEvent): boolean {
  return kind === "leader-lost" || kind === "breaker-opened";
}
