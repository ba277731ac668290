/**
 * The gateway's contract: what an application can ask of a region. `gateway-service.ts` does it, `http/` carries it.
 *
 * Validate → stamp and group-commit into the WAL → answer `accepted`; the log makes it `committed`.
 */
import type { JsonValue } from "../core/json.ts";
import type { Collection, CollectionSchema } from "../core/schema.ts";
import type { Session } from "../core/session.ts";

/** What every request carries. */
export interface RequestContext {
  readonly tenant: string;
  readonly session: Session;
  /** How long the client waits, from now. */
  readonly deadlineMs: number;
}

export interface WriteRequest extends RequestContext {
  readonly collection: string;
  readonly key: string;
  /** The operators, not yet checked. */
  readonly body: unknown;
  readonly idempotencyKey: string | undefined;
  /** Answer once the log has ordered the write and this region has folded it, if that is within the deadline. */
  readonly waitCommitted: boolean;
}

export interface Receipt {
  readonly operation: string;
  readonly status: "accepted" | "committed" | "superseded" | "rejected";
  readonly region: string;
  /** The operation's stamp. */
  readonly at: string;
  readonly position?: { readonly partition: number; readonly sequence: number };
  readonly reason?: string;
  /** Fields whose change lost. */
  readonly lostFields?: readonly string[];
}

export interface WriteResult extends Receipt {
  readonly session: Session;
  /** The answer to an earlier try of the same request. */
  readonly isReplayed: boolean;
}

export interface ReadRequest extends RequestContext {
  readonly collection: string;
  readonly key: string;
  readonly consistency: "local" | "session";
}

export interface RecordView {
  readonly key: string;
  readonly fields: { readonly [field: string]: JsonValue };
  /** Changes whenever the view does. */
  readonly version: string;
  /** The region's own operations in it that the log has not ordered yet. */
  readonly pending: number;
}

export interface ReadResult extends RecordView {
  readonly asOf: { readonly partition: number; readonly sequence: number };
  readonly session: Session;
}

export interface ListRequest extends RequestContext {
  readonly collection: string;
  readonly prefix: string;
  readonly after: string | undefined;
  readonly limit: number;
  readonly consistency: "local" | "session";
}

export interface ListResult {
  readonly records: readonly RecordView[];
  /** Pass as `after` to go on; undefined at the end. */
  readonly next: string | undefined;
  readonly session: Session;
}

export interface PutCollectionRequest extends RequestContext {
  readonly name: string;
  readonly schema: CollectionSchema;
}

export interface PartitionStatus {
  readonly partition: number;
  /** Undefined during an election, or when the log can't be asked. */
  readonly leader: string | undefined;
  readonly term: number | undefined;
  readonly cluster: string | null;
  readonly position: number;
  /** End of the log; undefined when the log can't be asked. */
  readonly lastPosition: number | undefined;
  readonly logTimeMs: number;
  readonly wal: {
    readonly head: number;
    readonly pendingRows: number;
    readonly pendingBytes: number;
    readonly oldestPendingAgeMs: number;
  };
  readonly regions: readonly RegionStatus[];
}

/** A member region as this region's fold knows it, from its last tick. */
export interface RegionStatus {
  readonly region: string;
  readonly watermark: number;
  readonly walHead: number | undefined;
  readonly appliedPosition: number | undefined;
  /** Entries that this region has folded and that one had not when it last spoke. */
  readonly lagEntries: number | undefined;
  /** Log time since its last tick. */
  readonly silentMs: number | undefined;
  readonly software: string | undefined;
}

export interface RegionOverview {
  readonly region: string;
  readonly software: string;
  readonly partitions: readonly PartitionStatus[];
}

export interface Gateway {
  write(request: WriteRequest): Promise<WriteResult>;
  read(request: ReadRequest): Promise<ReadResult>;
  list(request: ListRequest): Promise<ListResult>;
  putCollection(request: PutCollectionRequest): Promise<Collection>;
  listCollections(tenant: string): Promise<Collection[]>;
  operation(request: { tenant: string; id: string }): Promise<Receipt>;
  status(): Promise<RegionOverview>;
}
