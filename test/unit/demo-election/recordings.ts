/** Made-up recordings of the election demo: a quiet one, and what can be wrong with one. */
import type { Figures } from "../../../infra/load/figures.ts";
import type {
  BufferSample,
  Recording,
  RegionRecording,
  StoryEvent,
} from "../../../infra/demo/election/recording.ts";
import type { Verification } from "../../../infra/demo/election/summary.ts";

export const REGIONS = ["eu", "us", "ap"] as const;

export function figures(given: Partial<Omit<Figures, "latency">> & { worstMs?: number } = {}): Figures {
  const { worstMs = 12, succeeded = 0, refused = 0, unknown = 0, notSent = 0, waiting = 0, ...rest } = given;
  const due = given.due ?? succeeded + refused + unknown + notSent + waiting;
  const latency =
    succeeded === 0
      ? { count: 0, p50Ms: 0, p99Ms: 0, p999Ms: 0, worstMs: 0 }
      : { count: succeeded, p50Ms: worstMs / 5, p99Ms: worstMs / 2, p999Ms: worstMs, worstMs };
  return { succeeded, refused, unknown, notSent, waiting, failures: {}, ...rest, due, latency };
}

export function eventOf(given: Partial<StoryEvent> & Pick<StoryEvent, "kind">): StoryEvent {
  const fromSeconds = given.fromSeconds ?? 10;
  return {
    leader: "eu",
    fromSeconds,
    toSeconds: fromSeconds + 8,
    faultsAtSeconds: [fromSeconds],
    drainSeconds: 0.6,
    away: REGIONS.map((region) => ({ region, seconds: 5.5 })),
    ...given,
  };
}

export const EVENTS: readonly StoryEvent[] = [
  eventOf({ kind: "killed", fromSeconds: 15, toSeconds: 23 }),
  eventOf({
    kind: "flapped",
    leader: "us",
    fromSeconds: 40,
    toSeconds: 60,
    faultsAtSeconds: [40, 45, 50, 55],
  }),
  eventOf({ kind: "cut-off", leader: "ap", fromSeconds: 70, toSeconds: 85 }),
];

/** Local writes go on; while nobody leads, authoritative ones are refused, and the buffers grow. */
export function recordingOf(
  given: {
    seconds?: number;
    ratePerSecond?: number;
    events?: readonly StoryEvent[];
    local?: (region: string, second: number) => Figures | undefined;
  } = {},
): Recording {
  const { seconds = 100, ratePerSecond = 200, events = EVENTS, local } = given;
  const outages = events.filter(({ kind }) => kind !== "flapped");
  const isAway = (second: number) =>
    outages.some(({ fromSeconds }) => second >= fromSeconds && second < fromSeconds + 6);
  const regions = REGIONS.map((region, index): RegionRecording => {
    const range = Array.from({ length: seconds }, (_, second) => second);
    const normal = (second: number) =>
      figures({ succeeded: ratePerSecond, worstMs: 9 + index + (second % 7) });
    return {
      region,
      writes: {
        local: range.map((second) => local?.(region, second) ?? normal(second)),
        authoritative: range.map((second) =>
          isAway(second) ? figures({ refused: 9, unknown: 1 }) : figures({ succeeded: 10, worstMs: 240 }),
        ),
      },
      buffer: range.map((second): BufferSample => {
        const rows = isAway(second) ? 600 * (index + 1) : 12 + index;
        return { atSeconds: second, rows, ageMs: isAway(second) ? 4_000 : 90 };
      }),
    };
  });
  return { seconds, regions, events };
}

export const VERIFIED: Verification = {
  drainSeconds: 0.4,
  missing: [],
  digests: REGIONS.map((region) => ({ region, digest: `604:${"ab".repeat(32)}` })),
  counters: [],
};
