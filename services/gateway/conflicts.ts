/** The conflict log: what lost, as this region has folded it, and the way back for a loser: a new write like any other. */
import { RefusedWriteError } from "../core/accept/refused-write.ts";
import { writeBackBody } from "../core/accept/write-back.ts";
import { regionOfOrigin, type LosingSide, type LossSide } from "../core/fields/kind.ts";
import { idempotentOperationId } from "../core/operation-id.ts";
import type { ConflictName, StoredConflict } from "../ports/region-store.ts";
import { GatewayError } from "./errors.ts";
import type {
  ConflictPage,
  ConflictReport,
  ConflictSide,
  ConflictsRequest,
  RestoreConflictRequest,
  WriteRequest,
  WriteResult,
} from "./gateway.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { StorePatience } from "./store-patience.ts";

/** Partition, position, ordinal. */
const ID = /^(\d{1,9})-(\d{1,15})-(\d{1,9})$/;
/** Enough for a region that lags a little. */
const RETRY_AFTER_MS = 1_000;

export class Conflicts {
  readonly #options: GatewayOptions;
  readonly #write: (request: WriteRequest) => Promise<WriteResult>;
  readonly #patience: StorePatience;

  constructor(options: GatewayOptions, write: (request: WriteRequest) => Promise<WriteResult>) {
    this.#options = options;
    this.#write = write;
    this.#patience = new StorePatience(options.clock);
  }

  async list(request: ConflictsRequest): Promise<ConflictPage> {
    const { limit, deadlineMs: _, ...query } = request;
    const found = await this.#options.store.listConflicts({ ...query, limit: limit + 1 });
    const page = found.slice(0, limit);
    const last = found.length > limit ? page.at(-1) : undefined;
    return { conflicts: page.map(reportOf), next: last && placeOf(last) };
  }

  /** @throws {GatewayError} conflict-not-found, conflict-not-restorable, and whatever a write is refused with. */
  async restore(request: RestoreConflictRequest): Promise<WriteResult> {
    const { id: _, checkMayWrite: __, around = (write) => write(), deadlineMs, ...context } = request;
    const { clock } = this.#options;
    const deadlineAtMs = clock.monotonicMs() + deadlineMs;
    const { conflict, body } = await this.#patience.until(deadlineAtMs, this.#prepare(request));
    const { collection, key } = conflict;
    const write = () => {
      const leftMs = Math.max(0, deadlineAtMs - clock.monotonicMs());
      return this.#write({ ...context, deadlineMs: leftMs, collection, key, body });
    };
    try {
      return await around(write);
    } catch (error) {
      // The client has written no body that it could mend: what it asks for is what is not possible any more.
      if (!(error instanceof RefusedWriteError)) throw error;
      const { message, field } = error;
      throw notRestorable(`the value can't be written any more: ${message}`, field);
    }
  }

  async #prepare(request: RestoreConflictRequest): Promise<{ conflict: StoredConflict; body: object }> {
    const { id } = request;
    const conflict = await this.#find(request);
    request.checkMayWrite?.(conflict.collection);
    if (conflict.loser.operator === "move") {
      throw notRestorable(
        "it is no value, but rights of a region that were on their way when they were reclaimed",
      );
    }
    const body = writeBackBody(conflict);
    if (body === undefined) {
      throw notRestorable(
        `conflict ${id} was recorded by software that did not keep how the value was written`,
      );
    }
    if (!(await this.#isKnown(request))) await this.#checkAlive(conflict);
    return { conflict, body };
  }

  async #find({ tenant, id }: RestoreConflictRequest): Promise<StoredConflict> {
    const { store, region, partitions } = this.#options;
    const name = nameOf(id);
    const unknown = `region ${region} knows no conflict ${id}: there was none, or it was kept long enough`;
    if (name === undefined || name.partition >= partitions) {
      throw new GatewayError("conflict-not-found", unknown);
    }
    const conflict = await store.readConflict(name);
    // Another tenant's is as unknown as one that never was (I14).
    if (conflict?.tenant === tenant) return conflict;
    const { position } = await store.readPositions(name.partition);
    if (name.position <= position) throw new GatewayError("conflict-not-found", unknown);
    const behind = `region ${region} has folded partition ${name.partition} up to ${position}: it can't know conflict ${id} yet`;
    throw new GatewayError("conflict-not-found", behind, { retryAfterMs: RETRY_AFTER_MS });
  }

  /** An earlier try of the same request gets its answer, whatever has become of the record since. */
  async #isKnown({ tenant, idempotencyKey }: RestoreConflictRequest): Promise<boolean> {
    if (idempotencyKey === undefined) return false;
    const id = idempotentOperationId(tenant, idempotencyKey);
    return (await this.#options.store.readOperation(id)) !== undefined;
  }

  /** A courtesy: a write that comes to a tombstone has no effect in any case, and would be the next conflict. */
  async #checkAlive(conflict: StoredConflict): Promise<void> {
    const { partition, tenant, collection, key } = conflict;
    const { committed } = await this.#options.store.readRecord({ partition, tenant, collection, key });
    if (committed?.tombstone === undefined) return;
    throw notRestorable(
      `record "${key}" of collection "${collection}" is deleted and takes no writes; restore the record first`,
    );
  }
}

function notRestorable(message: string, field?: string): GatewayError {
  return new GatewayError("conflict-not-restorable", message, field === undefined ? {} : { field });
}

function nameOf(id: string): ConflictName | undefined {
  const [, partition, position, ordinal] = ID.exec(id) ?? [];
  if (partition === undefined) return undefined;
  const name = { partition: Number(partition), position: Number(position), ordinal: Number(ordinal) };
  return idOf(name) === id ? name : undefined;
}

function idOf({ partition, position, ordinal }: ConflictName): string {
  return `${partition}-${position}-${ordinal}`;
}

function placeOf({ logTimeMs, partition, position, ordinal }: StoredConflict) {
  return { logTimeMs, partition, position, ordinal };
}

function reportOf(conflict: StoredConflict): ConflictReport {
  const { collection, key, field, entry, reason, partition, position, logTimeMs, loser, winner } = conflict;
  return {
    id: idOf(conflict),
    collection,
    key,
    field,
    ...(entry !== undefined && { entry }),
    reason,
    position: { partition, sequence: position },
    logTimeMs,
    loser: sideOf(loser),
    winner: sideOf(winner),
  };
}

function sideOf(side: LossSide & Partial<LosingSide>): ConflictSide {
  const { origin, hlc, value, operator, operation } = side;
  const region = regionOfOrigin(origin);
  return {
    region,
    at: hlc,
    value,
    ...(operator !== undefined && { operator }),
    ...(operation !== undefined && { operation }),
    ...(region !== origin && { isDecided: true }),
  };
}
