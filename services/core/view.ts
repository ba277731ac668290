/** The second equation: view = committed ⊕ pending. */
import { prepareEscrows } from "./escrow.ts";
import { PENDING_POSITION } from "./fields/kind.ts";
import type { Operation } from "./operation.ts";
import { applyOperation, type Fields } from "./record.ts";
import { isOfFieldKind, type CollectionSchema } from "./schema.ts";

/**
 * A record's fields as its region shows them: the committed ones, with the region's own pending operations folded
 * over them as if the log had ordered these next.
 * @param pending in the order of the WAL.
 */
export function viewFields(options: {
  committed: Fields | undefined;
  pending: readonly Operation[];
  origin: string;
  /** The collection's, where it is known: changes that were accepted under an older one may have no effect any more. */
  schema?: CollectionSchema;
}): Fields | undefined {
  const { schema } = options;
  let fields = options.committed;
  for (const accepted of options.pending) {
    const operation = schema === undefined ? accepted : ofFieldKinds(accepted, schema);
    if (operation.changes.length === 0) continue;
    // How rights are split shows in nothing that a client sees.
    fields = prepareEscrows({ fields, changes: operation.changes, schema, members: [] });
    fields = applyOperation({ fields, operation, origin: options.origin, position: PENDING_POSITION }).fields;
  }
  return fields;
}

function ofFieldKinds(operation: Operation, schema: CollectionSchema): Operation {
  return { ...operation, changes: operation.changes.filter((change) => isOfFieldKind(schema, change)) };
}
