/** What of a view is kept for charts. */
import { distance } from "./view/lags.ts";
import type { OutcomeTotals, Totals } from "./view/outcome-totals.ts";
import type { RegionFacts } from "./view/facts.ts";
import type { Situation } from "./view/situation.ts";
import type { Sample } from "./history.ts";

/** What only rises, at the sample before. */
interface Rising {
  readonly totals: Totals;
  /** By partition and origin. */
  readonly watermarks: ReadonlyMap<string, number>;
  readonly atMs: number;
}

export class Sampler {
  readonly #before = new Map<string, Rising>();

  take(situation: Situation, totals: OutcomeTotals): Sample[] {
    const heard = [...situation.facts.values()].filter(({ state }) => state === "heard");
    return [
      ...heard.flatMap((facts) => [...gauges(facts), ...this.#rates(facts, situation, totals)]),
      ...offsets(situation),
      ...lagSamples(situation),
      ...[...situation.leaders].flatMap(([partition, { term }]) =>
        term === undefined ? [] : [{ name: "term", partition, value: term }],
      ),
    ];
  }

  #rates({ region, partitions }: RegionFacts, { nowMs }: Situation, all: OutcomeTotals): Sample[] {
    const totals = { ...all.totals(region) };
    const watermarks = watermarksOf(partitions);
    const before = this.#before.get(region);
    this.#before.set(region, { totals, watermarks, atMs: nowMs });
    if (before === undefined || nowMs <= before.atMs) return [];
    const perSecond = (now: number, then: number) =>
      (Math.max(0, now - then) * 1_000) / (nowMs - before.atMs);
    return [
      { name: "fold_per_second", region, value: perSecond(foldedSince(before.watermarks, watermarks), 0) },
      {
        name: "accepted_per_second",
        region,
        value: perSecond(totals.localAccepted, before.totals.localAccepted),
      },
      {
        name: "decided_per_second",
        region,
        value: perSecond(totals.decidedCommitted, before.totals.decidedCommitted),
      },
      { name: "refused_per_second", region, value: perSecond(totals.refused, before.totals.refused) },
    ];
  }
}

function gauges({ region, partitions, heard }: RegionFacts): Sample[] {
  const wals = [...partitions.values()].map(({ wal }) => wal);
  const delays = heard.map(({ report }) => report.load.event_loop_delay_ms);
  return [
    { name: "pending_rows", region, value: wals.reduce((sum, wal) => sum + wal.pending_rows, 0) },
    { name: "oldest_age_ms", region, value: Math.max(0, ...wals.map((wal) => wal.oldest_age_ms)) },
    { name: "event_loop_delay_ms", region, value: Math.max(0, ...delays) },
  ];
}

/** By the viewer's clock. */
function offsets({ facts, viewer }: Situation): Sample[] {
  return [...(facts.get(viewer)?.peers.values() ?? [])].flatMap(({ region, clock_offset_ms: value }) =>
    value === undefined ? [] : [{ name: "clock_offset_ms", region, value }],
  );
}

/** By partition, and the worst of all partitions. */
function lagSamples({ lags, partitions }: Situation): Sample[] {
  const worst = new Map<string, { origin: string; region: string; value: number }>();
  const single: Sample[] = [];
  for (const { origin, region, partition, age_ms: value, stage } of lags) {
    if (stage === "unknown") continue;
    if (partitions > 1) single.push({ name: "lag_ms", origin, region, partition, value });
    const name = `${origin} ${region}`;
    const known = worst.get(name);
    if (known === undefined || value > known.value) worst.set(name, { origin, region, value });
  }
  return [...[...worst.values()].map((lag) => ({ name: "lag_ms", ...lag })), ...single];
}

function watermarksOf(partitions: RegionFacts["partitions"]): ReadonlyMap<string, number> {
  const all = [...partitions].flatMap(([partition, { watermarks }]) =>
    Object.entries(watermarks).map(([origin, sequence]) => [`${partition} ${origin}`, sequence] as const),
  );
  return new Map(all);
}

/** Operations, and not sequences: between two runs of a WAL there are billions that nobody has used. */
function foldedSince(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): number {
  let folded = 0;
  for (const [name, sequence] of now) folded += distance(sequence, before.get(name) ?? sequence);
  return folded;
}
