/** A view of the cluster that a test sets, and tells of. */
import type { ClusterHistory, ClusterView } from "../../../services/protocol/cluster/view.ts";
import type { ClusterViews, HistoryRequest } from "../../../services/ports/cluster-views.ts";

export const EMPTY_VIEW: ClusterView = {
  viewer: { region: "eu", process: "p", at: 1_000, software: "0.0.0" },
  members: ["eu"],
  partitions: 1,
  level: "ok",
  findings: [],
  regions: [],
  links: [],
  lags: [],
  events: [],
  has_chaos: false,
};

export class StubViews implements ClusterViews {
  readonly followers = new Set<(viewText: string) => void>();
  asked: HistoryRequest | undefined;
  shown: ClusterView = EMPTY_VIEW;

  view(): ClusterView {
    return this.shown;
  }

  viewText(): string {
    return JSON.stringify(this.shown);
  }

  history(request: HistoryRequest): ClusterHistory {
    this.asked = request;
    return {
      from: 1_000,
      step_ms: 1_000,
      series: [{ name: "pending_rows", region: "eu", values: [1, null] }],
    };
  }

  follow(listener: (viewText: string) => void): () => void {
    this.followers.add(listener);
    return () => this.followers.delete(listener);
  }

  show(view: ClusterView): void {
    this.shown = view;
    for (const follower of this.followers) follower(this.viewText());
  }
}
