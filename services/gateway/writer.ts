/** The local way in: validate, group-commit into the WAL, answer `accepted`. */
import { checkKey, planChanges, RefusedWriteError } from "../core/accept.ts";
import type { Change } from "../core/fields/kind.ts";
import { sha256 } from "../core/hash.ts";
import { idempotentOperationId } from "../core/operation-id.ts";
import { partitionOf } from "../core/partition.ts";
import { coverFolded, mergeSessions, seenPosition, seenWal } from "../core/session.ts";
import { encodeChanges } from "../protocol/entry-codec.ts";
import { StoreUnavailableError, type AppendOutcome, type WalAppend } from "../ports/region-store.ts";
import type { Catalog } from "./catalog.ts";
import { GatewayError, unknownCollection } from "./errors.ts";
import type { Receipt, WriteRequest, WriteResult } from "./gateway.ts";
import type { GatewayOptions } from "./gateway-service.ts";
import { GroupCommit } from "./group-commit.ts";
import type { Reader } from "./reader.ts";
import { receiptOf } from "./receipt.ts";

export class Writer {
  readonly #options: GatewayOptions;
  readonly #catalog: Catalog;
  readonly #reader: Reader;
  readonly #commits: readonly GroupCommit[];

  constructor(options: GatewayOptions, parts: { catalog: Catalog; reader: Reader }) {
    this.#options = options;
    this.#catalog = parts.catalog;
    this.#reader = parts.reader;
    this.#commits = Array.from(
      { length: options.partitions },
      (_, partition) => new GroupCommit({ ...options, partition }),
    );
  }

  async write(request: WriteRequest): Promise<WriteResult> {
    const { tenant, collection, key, idempotencyKey } = request;
    const { clock, random, partitions } = this.#options;
    const deadlineAtMs = clock.monotonicMs() + request.deadlineMs;
    checkKey(key);
    const partition = partitionOf({ tenant, key }, partitions);
    const body = encodeChanges(await this.#plan(request, partition));
    const id =
      idempotencyKey === undefined
        ? random.uuid(clock.nowMs())
        : idempotentOperationId(tenant, idempotencyKey);
    const operation = {
      id,
      tenant,
      collection,
      key,
      body,
      requestHash: sha256(`${collection}\n${key}\n${body}`),
    };
    const outcome = await this.#commits[partition]!.append(operation, deadlineAtMs);
    const result = await this.#answer({ request, partition, operation, outcome });
    if (!request.waitCommitted || result.status !== "accepted" || !("sequence" in outcome)) return result;
    return this.#waitCommitted({ result, partition, sequence: outcome.sequence, deadlineAtMs });
  }

  /** Checks the body against the schema as cached, and once more against the newest where the cached one refuses. */
  async #plan(request: WriteRequest, partition: number): Promise<Change[]> {
    const lookup = { partition, tenant: request.tenant, name: request.collection };
    const collection = await this.#catalog.find(lookup);
    if (collection === undefined) {
      throw new GatewayError(
        "unknown-collection",
        unknownCollection(request.collection, this.#options.region),
      );
    }
    try {
      return planChanges(collection.schema, request.body);
    } catch (error) {
      if (!(error instanceof RefusedWriteError) || error.code !== "unknown-field") throw error;
      const newer = await this.#catalog.findNewest(lookup);
      if (newer === undefined || newer.version === collection.version) throw error;
      return planChanges(newer.schema, request.body);
    }
  }

  async #answer(input: {
    request: WriteRequest;
    partition: number;
    operation: WalAppend;
    outcome: AppendOutcome;
  }): Promise<WriteResult> {
    const { request, partition, operation, outcome } = input;
    const { region, store } = this.#options;
    switch (outcome.status) {
      case "mismatched": {
        const message = "the Idempotency-Key was used for another request; a new request needs a new key";
        throw new GatewayError("idempotency-key-reused", message, { operation: operation.id });
      }
      case "folded": {
        const { id, tenant } = operation;
        const known = { id, tenant, partition, outcome: outcome.outcome, lostFields: [] };
        const receipt = receiptOf((await store.readOperation(id)) ?? known, region);
        const session = mergeSessions(request.session, seenPosition(partition, outcome.outcome.position));
        return { ...receipt, session, isReplayed: true };
      }
      case "accepted":
      case "replayed": {
        const session = mergeSessions(request.session, seenWal(region, partition, outcome.sequence));
        const receipt = { operation: operation.id, status: "accepted", region, at: outcome.hlc } as const;
        return { ...receipt, session, isReplayed: outcome.status === "replayed" };
      }
    }
  }

  /** A preference, not a condition: at the deadline the write is still accepted, and the answer says so. */
  async #waitCommitted(input: {
    result: WriteResult;
    partition: number;
    sequence: number;
    deadlineAtMs: number;
  }): Promise<WriteResult> {
    const { result, partition, sequence, deadlineAtMs } = input;
    const { region, store } = this.#options;
    const need = { position: 0, watermarks: { [region]: sequence } };
    try {
      const folded = await this.#reader.waitUntilFolded({ partition, need, deadlineAtMs });
      if (folded === undefined) return result;
      const stored = await store.readOperation(result.operation);
      if (stored?.outcome === undefined) return result;
      const receipt: Receipt = receiptOf(stored, region);
      // Covered by how far this region has folded, not by the outcome's position: that may be another region's try.
      const session = coverFolded(result.session, partition, folded);
      return { ...receipt, session, isReplayed: result.isReplayed };
    } catch (error) {
      // The write is durable: a database that fails only now must not make it look refused.
      if (error instanceof StoreUnavailableError) return result;
      throw error;
    }
  }
}
