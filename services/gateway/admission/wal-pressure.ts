/**
 * How full the WALs are, and who may still append. A look at the database now and then tells what is pending; what this
 * process appends meanwhile it adds itself, so that no request costs a query. What it appends while a look is on its way
 * may be missing from that look, so it counts until the next. The database's own bound stays the last guard.
 */
import { retryAfterMs } from "../../core/admission/reason.ts";
import { refusalOfWal, rowsTaken, type AppendClass, type WalLimits } from "../../core/admission/wal.ts";
import type { Clock, Random } from "../../ports/clock.ts";
import type { WalHead } from "../../ports/region-store.ts";
import type { AdmissionMetrics } from "./metrics.ts";
import type { Refusal, Refusals } from "./refusals.ts";

export interface WalPressureOptions {
  readonly partitions: number;
  readonly limits: WalLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: AdmissionMetrics;
  readonly refusals: Refusals;
}

/** What is on its way to the WAL, or in it. */
interface Amount {
  rows: number;
  bytes: number;
}

interface PartitionPressure {
  /** As the last look found it. */
  head: WalHead | undefined;
  lookedAtMs: number;
  /** Appended by this process since that look, and before the next was asked for. */
  appendedBefore: Amount;
  /** Appended by this process since a look was asked for last. */
  appended: Amount;
  /** On its way. */
  appending: Amount;
  drainedPerSecond: number;
}

/** Weight of the newest look in the pace of the drain: half of it is of the last second or two. */
const NEWEST_WEIGHT = 0.3;

export class WalPressure {
  readonly #options: WalPressureOptions;
  readonly #partitions: readonly PartitionPressure[];

  constructor(options: WalPressureOptions) {
    this.#options = options;
    this.#partitions = Array.from({ length: options.partitions }, () => ({
      head: undefined,
      lookedAtMs: 0,
      appendedBefore: none(),
      appended: none(),
      appending: none(),
      drainedPerSecond: 0,
    }));
  }

  /** A look at the partition's WAL is asked for: it will know of all that has been appended until now. */
  asked(partition: number): void {
    const pressure = this.#partitions[partition]!;
    pressure.appendedBefore.rows += pressure.appended.rows;
    pressure.appendedBefore.bytes += pressure.appended.bytes;
    pressure.appended = none();
  }

  /** The look that was asked for last has come back. */
  observed(partition: number, head: WalHead): void {
    const pressure = this.#partitions[partition]!;
    const nowMs = this.#options.clock.monotonicMs();
    if (pressure.head !== undefined && nowMs > pressure.lookedAtMs) {
      const drained = foldedOf(head) - foldedOf(pressure.head);
      const perSecond = (Math.max(0, drained) * 1_000) / (nowMs - pressure.lookedAtMs);
      pressure.drainedPerSecond += NEWEST_WEIGHT * (perSecond - pressure.drainedPerSecond);
    }
    pressure.head = head;
    pressure.lookedAtMs = nowMs;
    pressure.appendedBefore = none();
  }

  /** Takes on one append, which is ended by `ended`; or says why not. */
  begin(partition: number, kind: AppendClass, bytes: number): Refusal | undefined {
    const pressure = this.#partitions[partition]!;
    const { limits, metrics, refusals, random } = this.#options;
    const rows = this.#pendingRows(pressure);
    const reason = refusalOfWal(
      kind,
      { rows, bytes: this.#pendingBytes(pressure), oldestAgeMs: this.#oldestAgeMs(pressure) },
      limits,
    );
    if (reason === undefined) {
      pressure.appending.rows += 1;
      pressure.appending.bytes += bytes;
      return undefined;
    }
    metrics.refused({ reason, class: kind });
    refusals.note(reason);
    // Room for some more than one row is what is worth coming back for.
    const excess = Math.max(1, rows - rowsTaken("chore", limits));
    const perSecond = pressure.drainedPerSecond;
    return { reason, retryAfterMs: retryAfterMs({ excess, perSecond, fraction: random.fraction() }) };
  }

  /** @param isAppended as far as is known: where it is not, the next look tells. */
  ended(partition: number, bytes: number, isAppended: boolean): void {
    const { appending, appended } = this.#partitions[partition]!;
    appending.rows -= 1;
    appending.bytes -= bytes;
    if (!isAppended) return;
    appended.rows += 1;
    appended.bytes += bytes;
  }

  #pendingRows({ head, appendedBefore, appended, appending }: PartitionPressure): number {
    return (head?.pendingRows ?? 0) + appendedBefore.rows + appended.rows + appending.rows;
  }

  #pendingBytes({ head, appendedBefore, appended, appending }: PartitionPressure): number {
    return (head?.pendingBytes ?? 0) + appendedBefore.bytes + appended.bytes + appending.bytes;
  }

  #oldestAgeMs({ head, lookedAtMs }: PartitionPressure): number {
    if (head?.oldestPendingAtMs === undefined) return 0;
    return head.nowMs - head.oldestPendingAtMs + this.#options.clock.monotonicMs() - lookedAtMs;
  }
}

function none(): Amount {
  return { rows: 0, bytes: 0 };
}

/** Up to where the region has folded its own WAL. */
function foldedOf({ sequence, pendingRows }: WalHead): number {
  return sequence - pendingRows;
}
