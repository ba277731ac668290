/** What an entry of the log has to do with one record: for people who ask how it came to be what it is. */
import type { OrderedEntry } from "./entry.ts";
import type { Change } from "./fields/kind.ts";
import { recordIdText, type RecordId } from "./operation.ts";
import type { Action, Proposal } from "./proposal.ts";

export interface Appearance {
  readonly position: number;
  /** When the log stored it, in milliseconds since 1970. */
  readonly storedAtMs: number;
  /** The region that it came through. */
  readonly origin: string;
  /** local: accepted by its region alone. decided: by the log. swept: it may have expired. repaired: set to what was proven. */
  readonly kind: "local" | "decided" | "swept" | "repaired";
  /** Of the operation, or of the repair; undefined of a sweep. */
  readonly operation: string | undefined;
  readonly action: Action["type"] | "sweep" | "repair";
  readonly changes: readonly Change[];
}

type About = Pick<Appearance, "kind" | "operation" | "action" | "changes">;

/** In the order of the entry. What became of them, the log does not say: outcomes do. */
export function appearancesIn({ entry, position, storedAtMs }: OrderedEntry, record: RecordId): Appearance[] {
  const found = aboutRecord(entry, record);
  if (found.length === 0 || !("origin" in entry)) return [];
  const { origin } = entry;
  return found.map((about) => ({ position, storedAtMs, origin, ...about }));
}

function aboutRecord(entry: OrderedEntry["entry"], record: RecordId): About[] {
  const name = recordIdText(record);
  const isIt = (other: RecordId) => recordIdText(other) === name;
  switch (entry.kind) {
    case "batch":
      return entry.operations
        .filter(({ operation }) => isIt(operation))
        .map(({ operation: { id, changes } }) => ({
          kind: "local",
          operation: id,
          action: "change",
          changes,
        }));
    case "propose":
      return entry.proposals.flatMap((proposal) => aboutProposal(proposal, isIt));
    case "sweep":
      return entry.records.some(isIt)
        ? [{ kind: "swept", operation: undefined, action: "sweep", changes: [] }]
        : [];
    case "repair":
      return entry.records.some(isIt)
        ? [{ kind: "repaired", operation: entry.id, action: "repair", changes: [] }]
        : [];
    default:
      return [];
  }
}

function aboutProposal({ id, tenant, writes }: Proposal, isIt: (record: RecordId) => boolean): About[] {
  return writes
    .filter(({ collection, key }) => isIt({ tenant, collection, key }))
    .map(({ action }) => ({
      kind: "decided",
      operation: id,
      action: action.type,
      changes: action.type === "change" ? action.changes : [],
    }));
}
