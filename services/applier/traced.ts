/** Tells of the operations of entries that have a trace, once they are folded and committed. */
import type { OrderedEntry } from "../core/entry.ts";
import type { TraceObserver } from "../runtime/traces.ts";

export function traceFold(
  { traces, partition }: { readonly traces?: TraceObserver | undefined; readonly partition: number },
  entries: readonly OrderedEntry[],
  startedAtMs: number,
): void {
  if (traces === undefined) return;
  for (const { entry, position } of entries) {
    if (entry.kind !== "batch" && entry.kind !== "propose") continue;
    for (const [index, trace] of entry.traces ?? []) {
      const operation =
        entry.kind === "batch" ? entry.operations[index]!.operation.id : entry.proposals[index]!.id;
      traces.step({ stage: "fold", trace, operation, partition, startedAtMs, position });
    }
  }
}
