/** The simulated twin of a region's audit trail. */
import {
  EMPTY_AUDIT,
  nextAuditRow,
  type AuditFact,
  type AuditHead,
  type AuditRow,
} from "../../services/core/audit.ts";
import { SEEN_HEADS_MAX, type AuditQuery, type SeenAuditHead } from "../../services/ports/audit-trail.ts";

export class SimulatedAudit {
  readonly #region: string;
  /** Oldest first. */
  readonly rows: AuditRow[] = [];
  #seen: SeenAuditHead[] = [];

  constructor(region: string) {
    this.#region = region;
  }

  append(fact: AuditFact): AuditRow {
    const row = nextAuditRow(this.#region, this.head(), fact);
    this.rows.push(row);
    return row;
  }

  head(): AuditHead {
    const last = this.rows.at(-1);
    return last === undefined ? EMPTY_AUDIT : { sequence: last.sequence, hash: last.hash };
  }

  list({ limit, before = Infinity, after, action, sinceMs = 0 }: AuditQuery): AuditRow[] {
    const found = this.rows.filter(
      (row) => (action === undefined || row.action === action) && row.atMs >= sinceMs,
    );
    if (after !== undefined) return found.filter(({ sequence }) => sequence > after).slice(0, limit);
    return found
      .filter(({ sequence }) => sequence < before)
      .toReversed()
      .slice(0, limit);
  }

  keepHead(seen: SeenAuditHead): void {
    const { region, sequence, hash } = seen;
    const isKept = (one: SeenAuditHead) =>
      one.region === region && one.sequence === sequence && one.hash === hash;
    if (this.#seen.some(isKept)) return;
    const ofRegion = [...this.#seen.filter((one) => one.region === region), seen]
      .toSorted((one, other) => other.seenAtMs - one.seenAtMs || other.sequence - one.sequence)
      .slice(0, SEEN_HEADS_MAX);
    this.#seen = [...this.#seen.filter((one) => one.region !== region), ...ofRegion];
  }

  heads(): SeenAuditHead[] {
    return this.#seen.toSorted((one, other) => {
      if (one.region !== other.region) return one.region < other.region ? -1 : 1;
      return one.sequence - other.sequence || one.seenAtMs - other.seenAtMs;
    });
  }
}
