/** What the roles of this process have told of themselves last, by partition: kept so that a report costs nothing to gather. */
import type { RelayReport, VerdictReport } from "../protocol/cluster/report.ts";

/** What a partition's fold has told. Undefined is what it has not. */
export interface FoldFigures {
  isHeld: boolean;
  stopReason: string | undefined;
  /** Of a bootstrap that is under way here. */
  bootstrapStage: string | undefined;
  received: number | undefined;
  /** Regions that hold another log at the same position, and when they said so last, on the monotonic clock. */
  readonly disagreedAtMs: Map<string, number>;
}

export interface RelayFigures extends RelayReport {
  /** The log has acknowledged all up to here. */
  readonly published: number;
}

export interface PartitionFigures {
  readonly fold: FoldFigures;
  /** Undefined while another process relays. */
  relay: RelayFigures | undefined;
  verdict: VerdictReport | undefined;
  /** The last that was `match` or `diverged`. */
  compared: VerdictReport | undefined;
  /** By region that would lead: milliseconds until half of the others have answered. */
  quorumRoundTripsMs: ReadonlyMap<string, number>;
}

/** It is on all regions: others leave open what an earlier one has found. */
export function hasCompared({ verdict }: VerdictReport): boolean {
  return verdict === "match" || verdict === "diverged";
}

export class RoleFigures {
  readonly #partitions: readonly PartitionFigures[];

  constructor(partitions: number) {
    this.#partitions = Array.from({ length: partitions }, () => ({
      fold: {
        isHeld: false,
        stopReason: undefined,
        bootstrapStage: undefined,
        received: undefined,
        disagreedAtMs: new Map<string, number>(),
      },
      relay: undefined,
      verdict: undefined,
      compared: undefined,
      quorumRoundTripsMs: new Map<string, number>(),
    }));
  }

  of(partition: number): PartitionFigures {
    return this.#partitions[partition]!;
  }

  verified(partition: number, verdict: VerdictReport): void {
    const figures = this.of(partition);
    figures.verdict = verdict;
    if (hasCompared(verdict)) figures.compared = verdict;
  }

  /** The role was taken, or given back: what was told of it before is old. */
  held(role: "relay" | "applier", partition: number, isHeld: boolean): void {
    const figures = this.of(partition);
    if (role === "relay") {
      figures.relay = undefined;
      return;
    }
    figures.fold.isHeld = isHeld;
    figures.fold.received = undefined;
    figures.fold.stopReason = undefined;
  }
}
