/** Conflicts by what they are of, as Prometheus has it: so many of them by name, the rest under one. */
import type { Conflict } from "../../core/fold/state.ts";
import type { Meter } from "../../runtime/metrics.ts";

type CountedConflict = Pick<Conflict, "collection" | "field" | "reason">;

/** Collections and fields are the clients' to name, and every name is a series that is kept for ever. */
const LABEL_SETS_MAX = 500;
const OTHER = "other";

export function createConflictMetrics(
  meter: Meter,
): (partition: string, conflicts: readonly CountedConflict[]) => void {
  const total = meter.counter({
    name: "forebay_fold_conflicts_total",
    help: `Changes that lost and were recorded as conflicts; beyond ${LABEL_SETS_MAX} sets of labels collection and field are "${OTHER}".`,
    labels: ["partition", "collection", "field", "reason"],
  });
  const known = new Set<string>();
  return (partition, conflicts) => {
    for (const { collection, field, reason } of conflicts) {
      const name = [partition, collection, field, reason].join("\n");
      const isNamed = known.has(name) || known.size < LABEL_SETS_MAX;
      if (isNamed) known.add(name);
      const labels = isNamed ? { collection, field } : { collection: OTHER, field: OTHER };
      total.inc({ partition, reason, ...labels });
    }
  };
}
