/**
 * Why a region process is not ready, if it isn't. A loop looks at the database and remembers, so that a probe is
 * answered at once also while the database hangs.
 */
import { describeDoubt, type ClockDoubt } from "../core/clock-skew.ts";
import { hlcMilliseconds, MAX_OFFSET_MS } from "../core/hlc.ts";
import { own } from "../core/json.ts";
import type { Clock } from "../ports/clock.ts";
import type { WalPressure } from "../gateway/admission/wal-pressure.ts";
import type { Positions, StateReader, WalHead, WriteAheadLog } from "../ports/region-store.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { HealthMetrics } from "./metrics/health.ts";

const MS_PER_SECOND = 1_000;
const LOOK_EVERY_MS = 500;
/** An observation that is older than this proves nothing. */
const STALE_AFTER_MS = 5_000;

/** The allowed offset of a process from its database, and of what it has observed from the process. */
const STAMP_LEAD_MS_MAX = 2 * MAX_OFFSET_MS;

export interface HealthOptions {
  readonly region: string;
  readonly partitions: number;
  readonly clock: Clock;
  readonly metrics: HealthMetrics;
  /** Hears of each look at a partition's WAL. */
  readonly walPressure: Pick<WalPressure, "asked" | "observed">;
  /** How far the process's clock is certainly off those of most regions, ahead or behind (negative); 0 where it may be right. */
  readonly clockSkewMs: () => number;
  /** Whether the log was reached since the start; only told as an explanation. */
  readonly logProblem: () => string | undefined;
}

type Observed = Pick<WriteAheadLog, "walHead"> & Pick<StateReader, "readPositions">;

/** What the database has told of a partition. */
interface Figures {
  readonly positions: Positions;
  readonly head: WalHead;
  /** On the monotonic clock. */
  readonly seenAtMs: number;
  /** What the database's clock, or what it holds, says of the stamps that this process would give. */
  readonly doubt: ClockDoubt | undefined;
}

interface PartitionHealth {
  last: Figures | undefined;
  /** Why the last look failed. */
  problem: string | undefined;
  /** Why folding has stopped. */
  stopped: string | undefined;
}

export class Health {
  readonly #options: HealthOptions;
  readonly #partitions: readonly PartitionHealth[];
  #starting: string | undefined = "the process is starting";

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#partitions = Array.from({ length: options.partitions }, () => ({
      last: undefined,
      problem: undefined,
      stopped: undefined,
    }));
  }

  /** What the start is waiting for; undefined once it is through. */
  starting(reason: string | undefined): void {
    this.#starting = reason;
  }

  /** Folding has stopped, or goes on again (undefined). */
  stopped(partition: number, reason: string | undefined): void {
    this.#partitions[partition]!.stopped = reason;
  }

  /** Why a partition is not folded; undefined while it is, or another process does it. */
  stopReason(partition: number): string | undefined {
    return this.#partitions[partition]?.stopped;
  }

  /** What the database has told last; undefined before it has told anything. */
  lastFigures(partition: number): Figures | undefined {
    return this.#partitions[partition]!.last;
  }

  /** Looks at the store until stopped. */
  async watch(store: Observed, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await Promise.all(this.#partitions.map((health, partition) => this.#look(store, partition, health)));
      this.#options.metrics.clockOff(this.clockDoubt()?.aheadMs ?? 0);
      await this.#options.clock.sleep(LOOK_EVERY_MS, stop);
    }
  }

  /** In sentences; empty when the process is ready. */
  reasons(): string[] {
    if (this.#starting !== undefined) return [this.#starting];
    const skew = this.#skew();
    if (skew !== undefined) return [clockReason(skew)];
    const reasons = this.#partitions.map((health, partition) => this.#partitionReasons(health, partition));
    return [...new Set(reasons.flat())];
  }

  /** What is certainly wrong with the stamps that this process would give; undefined where they may be right. */
  clockDoubt(): ClockDoubt | undefined {
    const skew = this.#skew();
    if (skew !== undefined) return skew;
    // Each local write asks: what the database has told was judged when it was told.
    const freshMs = this.#options.clock.monotonicMs() - STALE_AFTER_MS;
    for (const { last } of this.#partitions)
      if (last?.doubt !== undefined && last.seenAtMs >= freshMs) return last.doubt;
    return undefined;
  }

  #skew(): ClockDoubt | undefined {
    const aheadMs = this.#options.clockSkewMs();
    return aheadMs === 0 ? undefined : { what: "this process's clock", aheadMs, of: "those of most regions" };
  }

  async #look(store: Observed, partition: number, health: PartitionHealth): Promise<void> {
    const { clock, metrics, region, walPressure } = this.#options;
    const askedMs = clock.nowMs();
    walPressure.asked(partition);
    try {
      const [positions, head] = await Promise.all([store.readPositions(partition), store.walHead(partition)]);
      const aheadMs = apartMs(head.nowMs, { fromMs: askedMs, toMs: clock.nowMs() });
      const doubt = storedDoubt({ aheadMs, head, positions }, region);
      health.last = { positions, head, seenAtMs: clock.monotonicMs(), doubt };
      health.problem = undefined;
      metrics.observed(partition, positions, head);
      walPressure.observed(partition, head);
    } catch (error) {
      health.problem = describeError(error);
    }
  }

  #partitionReasons(health: PartitionHealth, partition: number): string[] {
    const { clock, logProblem } = this.#options;
    if (health.problem !== undefined) return [`the database does not answer: ${health.problem}`];
    const { last } = health;
    if (last === undefined) return ["the database has not answered yet"];
    const silentMs = clock.monotonicMs() - last.seenAtMs;
    if (silentMs > STALE_AFTER_MS) {
      return [`the database has not answered for ${Math.floor(silentMs / MS_PER_SECOND)} s`];
    }
    if (last.head.isReadOnly === true) return ["the database takes no writes: it is read-only"];
    if (last.doubt !== undefined) return [clockReason(last.doubt)];
    if (health.stopped !== undefined)
      return [`partition ${partition} has stopped folding: ${health.stopped}`];
    if (last.positions.cluster !== null) return this.#memberReasons(last, partition);
    const why = logProblem();
    return [
      `partition ${partition} has not folded its log's first entry yet${why === undefined ? "" : `: ${why}`}`,
    ];
  }

  #memberReasons({ positions, head }: Figures, partition: number): string[] {
    const { region } = this.#options;
    const origin = own(positions.origins, region);
    if (origin === undefined) {
      const isRemoved = own(positions.departed, region) !== undefined;
      return [
        isRemoved
          ? `region ${region} was removed from the cluster; "forebay region add ${region}" takes it in again`
          : `region ${region} is no member of the cluster; "forebay region add ${region}" adds it`,
      ];
    }
    if (head.trouble?.kind === "displaced")
      return [
        `partition ${partition}: another database has taken the place of this region's; "forebay region rejoin ${region} --force" takes it back`,
      ];
    if (head.trouble?.kind === "rejoining")
      return [`partition ${partition} waits for the log to take the region in again, with a new database`];
    return origin.tick?.isAssumed === true
      ? [`partition ${partition}: the others have not heard of the region since it has joined`]
      : [];
  }
}

/** How far a span of our clock is after a time of another's that lies within it: 0 where it may be the same time. */
function apartMs(otherMs: number, { fromMs, toMs }: { fromMs: number; toMs: number }): number {
  return otherMs < fromMs ? fromMs - otherMs : Math.min(0, toMs - otherMs);
}

/** @param stored.aheadMs how far the process's clock is ahead of the database's, at least; negative where it is behind. */
function storedDoubt(
  { aheadMs, head, positions }: Pick<Figures, "head" | "positions"> & { readonly aheadMs: number },
  region: string,
): ClockDoubt | undefined {
  if (Math.abs(aheadMs) > MAX_OFFSET_MS)
    return { what: "this process's clock", aheadMs, of: "its database's" };
  const others = Object.entries(positions.origins).filter(([name]) => name !== region);
  if (others.length === 0) return undefined;
  const latestMs = Math.max(head.nowMs, ...others.map(([, { hlc }]) => hlcMilliseconds(hlc)));
  const leadMs = hlcMilliseconds(head.hlc) - latestMs;
  if (leadMs <= STAMP_LEAD_MS_MAX) return undefined;
  return { what: "this region's last stamp", aheadMs: leadMs, of: "those of all other regions" };
}

/** Stamps and deadlines would be wrong: other processes of the region may have the right time. */
function clockReason(doubt: ClockDoubt): string {
  const cure =
    doubt.what === "this region's last stamp"
      ? "a clock was wrong, and stamps only rise: time has to catch up"
      : "mend the time service of both machines";
  return `${describeDoubt(doubt)}; ${cure}`;
}
