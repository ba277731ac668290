/** Events on a line of time: one row per partition, the newest at the right. The table beneath says the same in words. */
import type { ClusterEvent } from "../../../protocol/cluster/view.ts";
import { duration } from "../model/format.ts";
import { timelineOf } from "../model/timeline.ts";

const WIDTH = 960;
const ROW = 22;
const LEFT = 96;
const BOTTOM = 20;

export function Timeline({
  events,
  nowMs,
}: {
  readonly events: readonly ClusterEvent[];
  readonly nowMs: number;
}) {
  const { fromMs, rows } = timelineOf(events, nowMs);
  const x = (atMs: number) => LEFT + ((WIDTH - LEFT - 8) * (atMs - fromMs)) / Math.max(1, nowMs - fromMs);
  const height = rows.length * ROW + BOTTOM;
  const label = `${events.length} events of the log in the last ${duration(nowMs - fromMs)}`;
  return (
    <svg class="timeline" viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={label}>
      {rows.map(({ name, events }, index) => {
        const y = index * ROW + ROW / 2;
        return (
          <g key={name}>
            <text x={0} y={y + 4}>
              {name}
            </text>
            <line x1={LEFT} x2={WIDTH - 8} y1={y} y2={y} />
            {events.map((event, place) => (
              <EventMark key={`${event.at} ${place}`} event={event} x={x(event.at)} y={y} />
            ))}
          </g>
        );
      })}
      <text x={LEFT} y={height - 4}>
        {duration(nowMs - fromMs)} ago
      </text>
      <text class="end" x={WIDTH - 8} y={height - 4}>
        now
      </text>
    </svg>
  );
}

interface EventMarkProps {
  readonly event: ClusterEvent;
  readonly x: number;
  readonly y: number;
}

/** What is lost is a square, what is won a circle. */
function EventMark({ event, x, y }: EventMarkProps) {
  const isLoss = event.kind === "leader-lost" || event.kind === "breaker-opened";
  return (
    <g class={isLoss ? "loss" : "gain"}>
      <title>{event.text}</title>
      {isLoss ? <rect x={x - 4} y={y - 4} width={8} height={8} /> : <circle cx={x} cy={y} r={4.5} />}
    </g>
  );
}
