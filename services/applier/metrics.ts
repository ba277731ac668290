/** What the applier reports of itself. */
import type { Conflict, FoldCounts, PartitionState } from "../core/fold/state.ts";
import type { Shipment } from "./shipments.ts";

export interface ApplierMetrics {
  folded(fold: {
    state: PartitionState;
    counts: FoldCounts;
    conflicts: readonly Pick<Conflict, "collection" | "field" | "reason">[];
    durationMs: number;
  }): void;
  /** Rested after a commit of a backlog, for the sake of clients' writes. */
  gaveWay(restMs: number): void;
  /** A batch has become visible here. */
  shown(shipment: Shipment): void;
  /** The log's messages don't come any more: it is subscribed to anew. */
  subscriptionLost(): void;
  /** The log or the state is not what it must be. */
  violated(invariant: "same-log" | "log-chain" | "origin-chain"): void;
  /** The log's entries were delivered up to here. */
  received(position: number): void;
  /** Distance of another region's clock from ours when its tick was folded; late ticks look slow, never fast. */
  clockOffset(offset: { region: string; offsetMs: number; isBeyond: boolean }): void;
  disagreement(region: string): void;
  /** Whether the log is read from another region's replica, since the own one is damaged. */
  readsElsewhere(isElsewhere: boolean): void;
  /** Folding has stopped, or goes on again (undefined). */
  stopped(reason: string | undefined): void;
  /** This process does not fold any more: what it has seen is not told any more. */
  left(): void;
}
