/** What was seen, kept for charts: a second each for a quarter of an hour, ten seconds each for hours, minutes for a month. */
import type { ClusterHistory, HistorySeries } from "../protocol/cluster/view.ts";
import type { HistoryRequest } from "../ports/cluster-views.ts";

interface TierSpec {
  readonly stepMs: number;
  readonly slots: number;
}

const SECONDS: TierSpec = { stepMs: 1_000, slots: 15 * 60 };
const TENS: TierSpec = { stepMs: 10_000, slots: 6 * 360 };
const MINUTES: TierSpec = { stepMs: 5 * 60_000, slots: 30 * 24 * 12 };
const TIERS = [SECONDS, TENS, MINUTES];
/** Of single partitions only the seconds are kept: there are too many of them. */
const PARTITION_TIERS = [SECONDS];
/** Nine regions and sixteen partitions have 1,152 and 160; they take 4 KB and 47 KB each. */
const PARTITION_SERIES_MAX = 4_096;
const SERIES_MAX = 512;

/** How several values become one. */
type Merge = "mean" | "highest";

/** What names a line. */
export interface SeriesName {
  readonly name: string;
  readonly region?: string;
  readonly origin?: string;
  readonly partition?: number;
}

export interface Sample extends SeriesName {
  readonly value: number;
}

/** Of rates the mean says how much it was in all; of all others the worst is what is looked for. */
function mergeOf(name: string): Merge {
  return name.endsWith("_per_second") ? "mean" : "highest";
}

interface Series {
  readonly about: SeriesName;
  readonly merge: Merge;
  readonly rings: readonly Float32Array[];
}

export class History {
  readonly #series = new Map<string, Series>();
  readonly #kept = { ofPartitions: 0, others: 0 };
  /** By tier: the slot that was written last, and how many samples are in it. */
  readonly #slots = TIERS.map(() => ({ slot: -1, samples: 0 }));

  /** How much memory the values take. */
  get bytes(): number {
    let total = 0;
    for (const { rings } of this.#series.values()) for (const ring of rings) total += ring.byteLength;
    return total;
  }

  /** @param nowMs on the monotonic clock: a clock that is set must not overwrite what was seen. */
  record(samples: readonly Sample[], nowMs: number): void {
    for (const [index, tier] of TIERS.entries()) this.#advance(index, Math.floor(nowMs / tier.stepMs));
    for (const sample of samples) {
      const series = this.#seriesOf(sample);
      if (series === undefined) continue;
      for (const [index, ring] of series.rings.entries())
        this.#write(ring, index, { series, value: sample.value });
    }
  }

  read(
    { spanMs, points, partition }: HistoryRequest,
    now: { nowMs: number; wallMs: number },
  ): ClusterHistory {
    const index = Math.max(
      0,
      TIERS.findIndex(({ stepMs, slots }) => stepMs * slots >= spanMs),
    );
    const tier = spanMs > MINUTES.stepMs * MINUTES.slots ? TIERS.length - 1 : index;
    const { stepMs, slots } = TIERS[tier]!;
    const wanted = Math.max(1, Math.min(slots, Math.ceil(spanMs / stepMs)));
    const perPoint = Math.max(1, Math.ceil(wanted / Math.max(1, points)));
    const count = Math.ceil(wanted / perPoint);
    const end = Math.floor(now.nowMs / stepMs) + 1;
    const range = { tier, first: end - count * perPoint, perPoint, count };
    const series = [...this.#series.values()]
      .filter(({ about, rings }) => rings[tier] !== undefined && isAsked(about, partition))
      .map((one) => this.#line(one, range));
    const from = Math.max(0, Math.round(now.wallMs - now.nowMs + range.first * stepMs));
    return { from, step_ms: stepMs * perPoint, series };
  }

  /** What was not sampled is unknown: those slots hold what was there a turn of the ring ago. */
  #advance(tier: number, slot: number): void {
    const last = this.#slots[tier]!;
    if (slot === last.slot) {
      last.samples += 1;
      return;
    }
    const { slots } = TIERS[tier]!;
    const first = last.slot === -1 ? slot : Math.max(last.slot + 1, slot - slots + 1);
    for (const { rings } of this.#series.values()) {
      const ring = rings[tier];
      if (ring !== undefined) for (let at = first; at <= slot; at += 1) ring[at % slots] = Number.NaN;
    }
    this.#slots[tier] = { slot, samples: 1 };
  }

  #write(ring: Float32Array, tier: number, { series, value }: { series: Series; value: number }): void {
    const { slot, samples } = this.#slots[tier]!;
    const at = slot % ring.length;
    const known = ring[at]!;
    if (Number.isNaN(known)) ring[at] = value;
    else ring[at] = series.merge === "highest" ? Math.max(known, value) : known + (value - known) / samples;
  }

  #seriesOf(sample: SeriesName): Series | undefined {
    const { name, region, origin, partition } = sample;
    const key = `${name} ${region ?? ""} ${origin ?? ""} ${partition ?? ""}`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const isShort = partition !== undefined && origin !== undefined;
    const kept = isShort ? "ofPartitions" : "others";
    if (this.#kept[kept] >= (isShort ? PARTITION_SERIES_MAX : SERIES_MAX)) return undefined;
    this.#kept[kept] += 1;
    const made: Series = {
      about: {
        name,
        ...(region === undefined ? {} : { region }),
        ...(origin === undefined ? {} : { origin }),
        ...(partition === undefined ? {} : { partition }),
      },
      merge: mergeOf(name),
      rings: (isShort ? PARTITION_TIERS : TIERS).map(({ slots }) => new Float32Array(slots).fill(Number.NaN)),
    };
    this.#series.set(key, made);
    return made;
  }

  #line(
    { about, merge, rings }: Series,
    { tier, first, perPoint, count }: { tier: number; first: number; perPoint: number; count: number },
  ): HistorySeries {
    const ring = rings[tier]!;
    const { slot: last } = this.#slots[tier]!;
    const values = Array.from({ length: count }, (_, point) => {
      const from = first + point * perPoint;
      return mergeSlots({
        ring,
        merge,
        from,
        to: Math.min(from + perPoint, last + 1),
        oldest: last - ring.length + 1,
      });
    });
    return { ...about, values };
  }
}

/** Lags of single partitions are many: they are told of one that is asked for. */
function isAsked({ origin, partition: own }: SeriesName, partition: number | undefined): boolean {
  return own === undefined || origin === undefined || own === partition;
}

function mergeSlots(options: {
  ring: Float32Array;
  merge: Merge;
  from: number;
  to: number;
  oldest: number;
}): number | null {
  const { ring, merge, from, to, oldest } = options;
  let [sum, highest, known] = [0, -Infinity, 0];
  for (let slot = Math.max(from, oldest, 0); slot < to; slot += 1) {
    const value = ring[slot % ring.length]!;
    if (Number.isNaN(value)) continue;
    sum += value;
    highest = Math.max(highest, value);
    known += 1;
  }
  if (known === 0) return null;
  return Math.round((merge === "highest" ? highest : sum / known) * 100) / 100;
}
