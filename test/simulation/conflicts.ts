/** The conflict log of the simulated twin, and its repairs: what it shows of them, and how it forgets conflicts. */
import { regionOfOrigin } from "../../services/core/fields/kind.ts";
import type {
  ConflictPlace,
  ConflictQuery,
  RepairQuery,
  StoredConflict,
  StoredRepair,
} from "../../services/ports/region-store.ts";

export function listConflicts(conflicts: readonly StoredConflict[], query: ConflictQuery): StoredConflict[] {
  const { before, limit } = query;
  return conflicts
    .filter((conflict) => matches(conflict, query) && (before === undefined || compare(conflict, before) < 0))
    .toSorted((one, other) => compare(other, one))
    .slice(0, Math.max(0, limit));
}

export function listRepairs(repairs: readonly StoredRepair[], query: RepairQuery): StoredRepair[] {
  const { before, limit, ...wanted } = query;
  const filters = Object.entries(wanted).filter(([, value]) => value !== undefined);
  return repairs
    .filter((repair) => filters.every(([name, value]) => repair[name as keyof StoredRepair] === value))
    .filter((repair) => before === undefined || compare(repair, before) < 0)
    .toSorted((one, other) => compare(other, one))
    .slice(0, Math.max(0, limit));
}

function matches(conflict: StoredConflict, query: ConflictQuery): boolean {
  const { tenant, collection, key, field, reason, region } = query;
  const isOf = <T>(wanted: T | undefined, value: T) => wanted === undefined || wanted === value;
  return (
    conflict.tenant === tenant &&
    isOf(collection, conflict.collection) &&
    isOf(key, conflict.key) &&
    isOf(field, conflict.field) &&
    isOf(reason, conflict.reason) &&
    isOf(region, regionOfOrigin(conflict.loser.origin))
  );
}

function compare(one: ConflictPlace, other: ConflictPlace): number {
  const parts = ["logTimeMs", "partition", "position", "ordinal"] as const;
  return parts.map((part) => one[part] - other[part]).find((difference) => difference !== 0) ?? 0;
}

/** Of one partition, in the order of their positions. Forgets in place. @returns how many. */
export function trimConflicts(
  conflicts: StoredConflict[],
  options: { readonly beforeLogTimeMs: number; readonly rowsMax: number },
): number {
  const kept = conflicts.findIndex(({ logTimeMs }) => logTimeMs >= options.beforeLogTimeMs);
  const old = kept === -1 ? conflicts.length : kept;
  return conflicts.splice(0, Math.min(old, options.rowsMax)).length;
}
