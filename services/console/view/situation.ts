/** What findings and events are made of: the cluster as it was put together for one view. */
import type { LagView, LinkView, RegionView } from "../../protocol/cluster/view.ts";
import type { RegionFacts } from "./facts.ts";

/** Writes of a region within the last seconds, by how they ended. */
export interface RecentWrites {
  readonly localAccepted: number;
  readonly localFailed: number;
  readonly decidedCommitted: number;
  readonly decidedFailed: number;
}

export interface RegionState {
  readonly state: RegionView["state"];
  readonly heard_by: readonly string[];
}

export interface Situation {
  readonly viewer: string;
  readonly regions: readonly string[];
  readonly partitions: number;
  readonly facts: ReadonlyMap<string, RegionFacts>;
  readonly states: ReadonlyMap<string, RegionState>;
  readonly links: readonly LinkView[];
  readonly lags: readonly LagView[];
  /** By partition: who leads, by the newest word of it. */
  readonly leaders: ReadonlyMap<number, LeaderFacts>;
  readonly writes: ReadonlyMap<string, RecentWrites>;
  /** How long the viewer has looked: at first it can't have heard everybody. */
  readonly lookedMs: number;
  readonly nowMs: number;
  readonly wallMs: number;
}

export interface LeaderFacts {
  readonly leader: string | undefined;
  readonly term: number | undefined;
  /** Since when nobody is known to lead, on the wall clock, and for how long; undefined while somebody does. */
  readonly missing: { readonly sinceMs: number; readonly forMs: number } | undefined;
  /** Times that another has led, within the last minutes. */
  readonly changes: number;
}
