/** The second equation: view = committed ⊕ pending. */
import { PENDING_POSITION } from "./fields/kind.ts";
import type { Operation } from "./operation.ts";
import { applyOperation, type Fields } from "./record.ts";

/**
 * A record's fields as its region shows them: the committed ones, with the region's own pending operations folded
 * over them as if the log had ordered these next.
 * @param pending in the order of the WAL.
 */
export function viewFields(options: {
  committed: Fields | undefined;
  pending: readonly Operation[];
  origin: string;
}): Fields | undefined {
  let fields = options.committed;
  for (const operation of options.pending) {
    fields = applyOperation({ fields, operation, origin: options.origin, position: PENDING_POSITION }).fields;
  }
  return fields;
}
