/** The story as data: how long each part lasts, and what is said when it begins. */
import type { EventKind } from "./recording.ts";

/** Seconds. */
export interface StoryTimes {
  /** Before the first event. */
  readonly quiet: number;
  /** Until the killed server is started again. */
  readonly killed: number;
  /** Between events, counted from the repair. */
  readonly rest: number;
  readonly flap: number;
  readonly flapEvery: number;
  readonly cut: number;
  /** After the last event; the load goes on. */
  readonly last: number;
}

export const FULL_STORY: StoryTimes = {
  quiet: 15,
  killed: 10,
  rest: 13,
  flap: 20,
  flapEvery: 5,
  cut: 15,
  last: 15,
};

export const SHORT_STORY: StoryTimes = {
  quiet: 2,
  killed: 6,
  rest: 3,
  flap: 4,
  flapEvery: 2,
  cut: 7,
  last: 3,
};

/** About: an event waits until the log has a leader to lose. */
export function storySeconds({ quiet, killed, rest, flap, cut, last }: StoryTimes): number {
  return quiet + killed + rest + flap + rest + cut + last;
}

/** One sentence each: what happens, what it would be elsewhere, what to look at. */
export const ANNOUNCEMENTS: Readonly<
  Record<EventKind, (event: { leader: string; others: readonly string[]; times: StoryTimes }) => string>
> = {
  killed: ({ leader }) =>
    `The nats-server of ${leader}, which leads the log, is killed (SIGKILL): where every write goes through a leader, ` +
    "all of them fail until the rest have elected another, 5 to 8 seconds here; look at the local rows, which should " +
    "not change, and at the buffers, which take what the log can't.",
  flapped: ({ times }) =>
    `The leader is made to step down every ${times.flapEvery} s, as a jittery link would do it: elsewhere each time is ` +
    "a short outage for every writer; look at the worst local latency, and at the buffers, which fill and drain each time.",
  "cut-off": ({ leader, others }) =>
    `${leader}, which leads the log, is cut off from ${others.join(" and ")}: elsewhere it would stop, or go on alone ` +
    `and lose writes later; look at ${leader}, which goes on taking local writes while its buffer grows older, and at the ` +
    "others, which elect a leader without it.",
};

export const MENDED: Readonly<Record<EventKind, (leader: string) => string>> = {
  killed: (leader) => `the nats-server of ${leader} is back`,
  flapped: () => "the leader may stay",
  "cut-off": (leader) => `the links of ${leader} are back`,
};
