/** Whether the console itself is connected, and how old what it shows is. */
import { viewAgeMs, type FeedState } from "../model/feed.ts";
import { duration } from "../model/format.ts";
import { Mark } from "./marks.tsx";

interface ConnectionLineProps {
  readonly state: FeedState;
  readonly nowMs: number;
  readonly onRetry: () => void;
}

export function ConnectionLine({ state, nowMs, onRetry }: ConnectionLineProps) {
  const isLive = state.connection === "live";
  const isFirst = state.view === undefined && state.attempts === 0;
  return (
    <div class={`connection${isLive || isFirst ? "" : " lost"}`}>
      {/* Only the words that change rarely are read out. */}
      <span role="status">
        {isLive ? (
          <Mark tone="ok">Live</Mark>
        ) : isFirst ? (
          <Mark tone="off">Connecting</Mark>
        ) : (
          <Mark tone="risk">The console is disconnected</Mark>
        )}
      </span>
      {!isLive && !isFirst && <Lost state={state} nowMs={nowMs} onRetry={onRetry} />}
    </div>
  );
}

function Lost({ state, nowMs, onRetry }: ConnectionLineProps) {
  const ageMs = viewAgeMs(state, nowMs);
  const { retryAtMs } = state;
  return (
    <>
      <span>{ageMs === undefined ? "Nothing was seen yet." : `All below is ${duration(ageMs)} old.`}</span>
      <span>
        {retryAtMs === undefined ? "Trying …" : `Next try in ${duration(Math.max(0, retryAtMs - nowMs))}.`}
      </span>
      <button type="button" onClick={onRetry}>
        Try now
      </button>
    </>
  );
}
