/** The cluster as this process sees it, for whoever shows it: at hand at once, whatever else is away. */
import type { ClusterHistory, ClusterView } from "../protocol/cluster/view.ts";

export interface HistoryRequest {
  /** How far back. */
  readonly spanMs: number;
  /** How many points a line has at most. */
  readonly points: number;
  /** Also the lags of this partition by themselves, as far as they are kept. */
  readonly partition?: number | undefined;
}

export interface ClusterViews {
  view(): ClusterView;
  /** The same as JSON, made once for all who ask. */
  viewText(): string;
  history(request: HistoryRequest): ClusterHistory;
  /**
   * Calls back with each new view, as JSON: every second, and as soon as a link or a region is found to be cut or silent.
   * @returns ends it.
   */
  follow(listener: (viewText: string) => void): () => void;
}
