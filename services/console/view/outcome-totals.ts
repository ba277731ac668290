/** Adds up what the processes of a region say they have answered, over restarts, and tells what came of late. */
import type { OutcomeReport, RegionReport } from "../../protocol/cluster/report.ts";
import type { RecentWrites } from "./situation.ts";

const WINDOW_MS = 10_000;
const SAMPLE_EVERY_MS = 900;
const FAILED: readonly OutcomeReport["outcome"][] = ["refused", "unknown", "failed"];

/** Since this process began to listen. Only rise. */
export interface Totals {
  localAccepted: number;
  localFailed: number;
  decidedCommitted: number;
  decidedFailed: number;
  refused: number;
}

const NOTHING: Totals = {
  localAccepted: 0,
  localFailed: 0,
  decidedCommitted: 0,
  decidedFailed: 0,
  refused: 0,
};

interface RegionTotals {
  readonly totals: Totals;
  /** What each process has told last, by class and outcome. */
  readonly processes: Map<string, { sequence: number; counts: Map<string, number> }>;
  samples: { readonly atMs: number; readonly totals: Totals }[];
}

export class OutcomeTotals {
  readonly #regions = new Map<string, RegionTotals>();

  /** The newest reports of a region's processes. */
  observe(region: string, reports: readonly RegionReport[], nowMs: number): void {
    const known = this.#of(region);
    for (const name of known.processes.keys())
      if (!reports.some(({ process }) => process === name)) known.processes.delete(name);
    for (const report of reports) this.#add(known, report);
    const last = known.samples.at(-1);
    if (last !== undefined && nowMs - last.atMs < SAMPLE_EVERY_MS) return;
    known.samples = known.samples.filter(({ atMs }) => nowMs - atMs <= WINDOW_MS);
    known.samples.push({ atMs: nowMs, totals: { ...known.totals } });
  }

  totals(region: string): Readonly<Totals> {
    return this.#regions.get(region)?.totals ?? NOTHING;
  }

  /** Within the last ten seconds. */
  recent(region: string): RecentWrites {
    const known = this.#regions.get(region);
    const first = known?.samples[0]?.totals;
    if (known === undefined || first === undefined) return NOTHING;
    const { totals } = known;
    return {
      localAccepted: totals.localAccepted - first.localAccepted,
      localFailed: totals.localFailed - first.localFailed,
      decidedCommitted: totals.decidedCommitted - first.decidedCommitted,
      decidedFailed: totals.decidedFailed - first.decidedFailed,
    };
  }

  #of(region: string): RegionTotals {
    let known = this.#regions.get(region);
    if (known === undefined) {
      known = { totals: { ...NOTHING }, processes: new Map(), samples: [] };
      this.#regions.set(region, known);
    }
    return known;
  }

  #add({ totals, processes }: RegionTotals, { process, sequence, outcomes }: RegionReport): void {
    const known = processes.get(process);
    if (known?.sequence === sequence) return;
    const counts = new Map(outcomes.map((outcome) => [`${outcome.class} ${outcome.outcome}`, outcome.count]));
    processes.set(process, { sequence, counts });
    // What a process has counted before it was first heard is not of now.
    if (known === undefined) return;
    for (const outcome of outcomes) {
      const before = known.counts.get(`${outcome.class} ${outcome.outcome}`) ?? 0;
      count(totals, outcome, Math.max(0, outcome.count - before));
    }
  }
}

function count(totals: Totals, { class: kind, outcome }: OutcomeReport, more: number): void {
  const isFailed = FAILED.includes(outcome);
  if (isFailed) totals.refused += more;
  if (kind === "local" && isFailed) totals.localFailed += more;
  else if (kind === "local" && outcome !== "rejected") totals.localAccepted += more;
  else if (kind === "decided" && isFailed) totals.decidedFailed += more;
  else if (kind === "decided" && outcome !== "rejected") totals.decidedCommitted += more;
}
