/** The end of the demo: what the run shows, computed from its recording, and whether it is what was promised. */
import { formatDuration, formatTable } from "../../../services/cli/table.ts";
import type { Figures } from "../../load/figures.ts";
import {
  failedOf,
  formatCount,
  type EventKind,
  type Recording,
  type RegionRecording,
  type StoryEvent,
} from "./recording.ts";

/** What was looked at once the load had ended. */
export interface Verification {
  /** Until every region had folded every row of every region; undefined when it did not come to that. */
  readonly drainSeconds: number | undefined;
  /** What was missing where, if it did not. */
  readonly missing: readonly string[];
  readonly digests: readonly RegionDigest[];
  /** Records that do not hold what was acknowledged, or can't be read. */
  readonly counters: readonly string[];
}

export interface RegionDigest {
  readonly region: string;
  /** `rows:hash`; undefined when it could not be taken. */
  readonly digest: string | undefined;
  /** Why it could not. */
  readonly problem?: string;
}

function areEqual(digests: readonly RegionDigest[]): boolean {
  const different = new Set(digests.map(({ digest }) => digest));
  return different.size === 1 && !different.has(undefined);
}

export interface Worst {
  readonly latencyMs: number;
  readonly region: string;
  readonly atSeconds: number;
}

export interface Summary {
  readonly local: {
    readonly due: number;
    readonly failed: number;
    /** How often each status and code, or end of a connection, was the answer to one that failed. */
    readonly failures: Readonly<Record<string, number>>;
    readonly worst: Worst | undefined;
  };
  readonly authoritative: Pick<Figures, "succeeded" | "refused" | "unknown">;
  readonly leaderLosses: number;
  /** Why the run is not what was promised; empty when it is. */
  readonly problems: readonly string[];
}

export function summarize(recording: Recording, verification: Verification): Summary {
  const { regions, events } = recording;
  const local = regions.flatMap(({ writes }) => writes.local);
  const authoritative = regions.flatMap(({ writes }) => writes.authoritative);
  const due = sum(local, (figures) => figures.due);
  const failed = sum(local, failedOf);
  const counted = {
    local: { due, failed, failures: failuresOf(local), worst: worstOf(regions) },
    authoritative: {
      succeeded: sum(authoritative, ({ succeeded }) => succeeded),
      refused: sum(authoritative, ({ refused, notSent }) => refused + notSent),
      unknown: sum(authoritative, ({ unknown, waiting }) => unknown + waiting),
    },
    leaderLosses: sum(events, ({ faultsAtSeconds }) => faultsAtSeconds.length),
  };
  const problems = [
    ...loadProblems(counted),
    ...events.flatMap(eventProblems),
    ...verificationProblems(verification),
  ];
  return { ...counted, problems };
}

function loadProblems({ local, authoritative, leaderLosses }: Omit<Summary, "problems">): string[] {
  const { due, failed, failures } = local;
  const why = Object.entries(failures).map(([detail, count]) => `${formatCount(count)} × ${detail}`);
  return [
    ...(due === 0 ? ["no local write was made"] : []),
    ...(failed === 0
      ? []
      : [
          `${formatCount(failed)} of ${formatCount(due)} local writes failed${why.length === 0 ? "" : `: ${why.join(", ")}`}`,
        ]),
    ...(authoritative.succeeded === 0 ? ["no authoritative write was committed"] : []),
    ...(leaderLosses === 0 ? ["the log never lost its leader, so nothing was shown"] : []),
  ];
}

function eventProblems(event: StoryEvent): string[] {
  if (event.drainSeconds !== undefined) return [];
  return [`what waited in the buffers after event "${titleOf(event)}" did not drain`];
}

function verificationProblems({ drainSeconds, missing, digests, counters }: Verification): string[] {
  const undrained = drainSeconds === undefined ? [`not everything drained: ${missing.join("; ")}`] : [];
  const told = digests.map(({ region, digest, problem }) => `${region} ${digest ?? problem ?? "none"}`);
  const drift = areEqual(digests) ? [] : [`digests are not equal: ${told.join(", ")}`];
  return [...undrained, ...drift, ...counters];
}

function failuresOf(seconds: readonly Figures[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const { failures } of seconds) {
    for (const [detail, count] of Object.entries(failures)) all[detail] = (all[detail] ?? 0) + count;
  }
  return all;
}

function worstOf(regions: readonly RegionRecording[]): Worst | undefined {
  const all = regions.flatMap(({ region, writes }) =>
    writes.local.flatMap(({ latency }, second) =>
      latency.count === 0 ? [] : [{ latencyMs: latency.worstMs, region, atSeconds: second }],
    ),
  );
  return all.reduce<Worst | undefined>(
    (worst, one) => (worst === undefined || one.latencyMs > worst.latencyMs ? one : worst),
    undefined,
  );
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** The finding in one line, for the figure. */
export function findingOf({ local, leaderLosses }: Summary): string {
  const times = leaderLosses === 1 ? "once" : `${formatCount(leaderLosses)} times`;
  return `${formatCount(local.failed)} of ${formatCount(local.due)} local writes failed while the log lost its leader ${times}`;
}

export function formatSummary(recording: Recording, verification: Verification): string {
  const summary = summarize(recording, verification);
  return [
    eventTable(recording),
    "",
    formatTable(["over the whole run", ""], factsOf(summary, verification)),
    "",
    ...(summary.problems.length === 0
      ? [
          "passed: no local write failed, everything drained, every region holds exactly what was acknowledged",
        ]
      : summary.problems.map((problem) => `FAILED: ${problem}`)),
  ].join("\n");
}

function factsOf({ local, authoritative, leaderLosses }: Summary, verification: Verification): string[][] {
  const { worst } = local;
  const { succeeded, refused, unknown } = authoritative;
  const { drainSeconds, digests, counters } = verification;
  const rows = digests[0]?.digest?.split(":")[0] ?? "0";
  return [
    ["local writes failed", `${formatCount(local.failed)} of ${formatCount(local.due)}`],
    [
      "worst local latency",
      worst === undefined
        ? "none"
        : `${Math.round(worst.latencyMs)} ms (${worst.region}, at ${worst.atSeconds} s)`,
    ],
    [
      "authoritative writes",
      `${formatCount(succeeded)} committed, ${formatCount(refused)} refused, ${formatCount(unknown)} unknown`,
    ],
    ["leaders lost", formatCount(leaderLosses)],
    ["time to drain after the load", secondsOrNever(drainSeconds)],
    ["digests", areEqual(digests) ? `equal in all regions (${rows} records)` : "NOT EQUAL"],
    ["counters", counters.length === 0 ? "what was acknowledged, in every region" : `WRONG: ${counters[0]}`],
  ];
}

const EVENT_TITLES: Readonly<Record<EventKind, (leader: string) => string>> = {
  killed: (leader) => `leader ${leader} killed`,
  flapped: (leader) => `leader ${leader} flapped`,
  "cut-off": (leader) => `leader ${leader} cut off`,
};

function titleOf({ kind, leader }: StoryEvent): string {
  return EVENT_TITLES[kind](leader);
}

function eventTable(recording: Recording): string {
  const { regions, events } = recording;
  const away = regions.map(({ region }) => `away ${region}`);
  const headings = ["event", "local failed", "worst", ...away, "buffer peak", "drained in"];
  const rows = events.map((event, index) => eventRow(recording, event, events[index + 1]?.fromSeconds));
  return [
    formatTable(headings, rows),
    "away: from the loss of the leader until an authoritative write was committed again",
    "drained in: from the repair until all that had waited by then was folded in every region",
  ].join("\n");
}

/** @param untilSeconds when the next event begins; a second in which one begins belongs to that one. */
function eventRow({ regions }: Recording, event: StoryEvent, untilSeconds = Infinity): string[] {
  const { fromSeconds, drainSeconds } = event;
  const local = regions.flatMap(({ writes }) =>
    writes.local.slice(Math.floor(fromSeconds), Math.floor(untilSeconds)),
  );
  const rows = regions.flatMap(({ buffer }) =>
    buffer
      .filter(({ atSeconds }) => atSeconds >= fromSeconds && atSeconds < untilSeconds)
      .map((sample) => sample.rows),
  );
  const worstMs = Math.max(0, ...local.map(({ latency }) => latency.worstMs));
  const away = regions.map(({ region }) => event.away.find((one) => one.region === region)?.seconds);
  return [
    `${Math.round(fromSeconds)} s: ${titleOf(event)}`,
    `${formatCount(sum(local, failedOf))} of ${formatCount(sum(local, ({ due }) => due))}`,
    formatDuration(worstMs),
    ...away.map(secondsOrNever),
    `${formatCount(Math.max(0, ...rows))} rows`,
    secondsOrNever(drainSeconds),
  ];
}

function secondsOrNever(seconds: number | undefined): string {
  return seconds === undefined ? "never" : formatDuration(seconds * 1_000);
}
