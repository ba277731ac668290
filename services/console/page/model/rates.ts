/** Requests per second by class and outcome, out of counters that only rise while their process lives. */
import type { OutcomeReport } from "../../../protocol/cluster/report.ts";
import type { ClusterView } from "../../../protocol/cluster/view.ts";

/** What each process had counted at one time. */
export interface OutcomeSample {
  readonly atMs: number;
  readonly processes: readonly ProcessOutcomes[];
}

interface ProcessOutcomes {
  readonly region: string;
  readonly process: string;
  /** By its process's own clock: two reports of it are so far apart. */
  readonly sentAtMs: number;
  readonly outcomes: readonly OutcomeReport[];
}

export interface OutcomeRate {
  readonly class: OutcomeReport["class"];
  readonly outcome: OutcomeReport["outcome"];
  readonly count: number;
  /** Undefined until two reports of a process are known. */
  readonly perSecond: number | undefined;
}

const MS_PER_SECOND = 1_000;
export const CLASSES = ["local", "decided", "read"] as const;
export const OUTCOMES = ["accepted", "committed", "ok", "rejected", "refused", "unknown", "failed"] as const;
/** Outcomes that a client did not ask for, and that are the cluster's doing. */
export const BAD_OUTCOMES: readonly string[] = ["refused", "unknown", "failed"];

export function outcomeSample(view: ClusterView): OutcomeSample {
  const processes = view.regions.flatMap(({ region, processes }) =>
    processes.map(({ process, sent_at: sentAtMs, outcomes }) => ({ region, process, sentAtMs, outcomes })),
  );
  return { atMs: view.viewer.at, processes };
}

/** Of one region, between the oldest and the newest sample that each process is in. */
export function outcomeRates(samples: readonly OutcomeSample[], region: string): OutcomeRate[] {
  const latest = samples[samples.length - 1]?.processes.filter((one) => one.region === region) ?? [];
  const pairs = latest.map((now) => ({ now, before: oldestOf(samples, now) }));
  return CLASSES.flatMap((kind) =>
    OUTCOMES.flatMap((outcome) => {
      const counts = pairs.map(({ now }) => countOf(now, kind, outcome));
      if (counts.every((one) => one === 0)) return [];
      const rates = pairs.map(({ now, before }) => rateOf(now, before, { kind, outcome }));
      const known = rates.filter((one) => one !== undefined);
      const perSecond = known.length === 0 ? undefined : sum(known);
      return [{ class: kind, outcome, count: sum(counts), perSecond }];
    }),
  );
}

function oldestOf(samples: readonly OutcomeSample[], now: ProcessOutcomes): ProcessOutcomes | undefined {
  for (const { processes } of samples) {
    const found = processes.find(({ process }) => process === now.process);
    if (found !== undefined && found.sentAtMs < now.sentAtMs) return found;
  }
  return undefined;
}

interface Which {
  readonly kind: OutcomeReport["class"];
  readonly outcome: OutcomeReport["outcome"];
}

function rateOf(now: ProcessOutcomes, before: ProcessOutcomes | undefined, which: Which): number | undefined {
  if (before === undefined) return undefined;
  const seconds = (now.sentAtMs - before.sentAtMs) / MS_PER_SECOND;
  const { kind, outcome } = which;
  return Math.max(0, countOf(now, kind, outcome) - countOf(before, kind, outcome)) / seconds;
}

function countOf({ outcomes }: ProcessOutcomes, kind: string, outcome: string): number {
  return outcomes.find((one) => one.class === kind && one.outcome === outcome)?.count ?? 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
