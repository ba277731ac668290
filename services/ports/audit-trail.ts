/** What operators have done to a region, as its database keeps it: rows are added, and never changed or taken out. */
import type { AuditAction, AuditFact, AuditHead, AuditRow } from "../core/audit.ts";

/** Of each region that another has seen; the newest are kept. */
export const SEEN_HEADS_MAX = 100;

export interface AuditQuery {
  readonly limit: number;
  /** Only rows with a lower sequence, the newest first. Without it, and without `after`: from the end. */
  readonly before?: number | undefined;
  /** Only rows with a higher sequence, the oldest first. */
  readonly after?: number | undefined;
  readonly action?: AuditAction | undefined;
  readonly sinceMs?: number | undefined;
}

/** The end of another region's trail, when this one has looked. */
export interface SeenAuditHead extends AuditHead {
  readonly region: string;
  readonly seenAtMs: number;
}

export interface AuditTrail {
  /** Adds a row at the end of the chain. @throws {StoreUnavailableError} */
  appendAudit(fact: AuditFact): Promise<AuditRow>;
  /** Sequence 0 where there is no row yet. */
  readAuditHead(): Promise<AuditHead>;
  listAudit(query: AuditQuery): Promise<AuditRow[]>;
  /** Keeps what was seen of other regions' trails; a sequence and hash that is kept already stays as it is. */
  keepAuditHead(seen: SeenAuditHead): Promise<void>;
  /** By region and sequence, rising. */
  listAuditHeads(): Promise<SeenAuditHead[]>;
}
