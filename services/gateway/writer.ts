/** The local way in: validate, group-commit into the WAL, answer `accepted`. What the log must decide goes the other way. */
import { checkKey } from "../core/accept/key.ts";
import { planWrite } from "../core/accept/write.ts";
import { takesOf, type EscrowLeft } from "../core/escrow.ts";
import type { Change } from "../core/fields/kind.ts";
import { sha256 } from "../core/hash.ts";
import type { RecordId } from "../core/operation.ts";
import { idempotentOperationId } from "../core/operation-id.ts";
import { coverFolded, mergeSessions, seenPosition, seenWal } from "../core/session.ts";
import { encodeChanges } from "../protocol/change-codec.ts";
import { requestContent } from "../protocol/proposal-codec.ts";
import {
  StoreUnavailableError,
  type AppendOutcome,
  type StoredOperation,
  type WalAppend,
} from "../ports/region-store.ts";
import { ClockGate } from "./clock-gate.ts";
import type { OrderedWriter } from "./decisions/ordered-writer.ts";
import { GatewayError } from "./errors.ts";
import type { RightsSeeker } from "./escrow/rights-seeker.ts";
import type { FoldWatch } from "./fold-watch.ts";
import type { Receipt, WriteRequest, WriteResult } from "./gateway.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Planner } from "./planner.ts";
import { receiptOf } from "./receipt.ts";
import { StorePatience } from "./store-patience.ts";

const RIGHTS_RETRY_AFTER_MS = 1_000;

export interface WriterParts {
  readonly planner: Planner;
  readonly ordered: OrderedWriter;
  readonly watches: readonly FoldWatch[];
  readonly commits: readonly GroupCommit[];
  readonly seeker: RightsSeeker;
}

/** Of a request, what names its operation. */
export type WriteTarget = Pick<WriteRequest, "tenant" | "collection" | "key" | "idempotencyKey" | "trace">;

export class Writer {
  readonly #options: GatewayOptions;
  readonly #planner: Planner;
  readonly #ordered: OrderedWriter;
  readonly #watches: readonly FoldWatch[];
  readonly #commits: readonly GroupCommit[];
  readonly #seeker: RightsSeeker;
  readonly #patience: StorePatience;
  readonly #clockGate: ClockGate;

  constructor(options: GatewayOptions, parts: WriterParts) {
    this.#options = options;
    this.#patience = new StorePatience(options.clock);
    this.#clockGate = new ClockGate(options);
    this.#planner = parts.planner;
    this.#ordered = parts.ordered;
    this.#watches = parts.watches;
    this.#commits = parts.commits;
    this.#seeker = parts.seeker;
  }

  /** The strongest class that a write touches decides for the whole of it. */
  async write(request: WriteRequest): Promise<WriteResult> {
    const { tenant, collection, key } = request;
    const deadlineAtMs = this.#options.clock.monotonicMs() + request.deadlineMs;
    checkKey(key);
    const located = await this.#planner.locate({ tenant, collection, key, deadlineAtMs });
    const plan = await this.#planner.plan(located, (schema) =>
      planWrite(schema, request.body, request.version),
    );
    const { partition } = located;
    if (plan.isAuthoritative) {
      request.onOrdered?.();
      return this.#ordered.write(request, { partition, plan, deadlineAtMs });
    }
    return this.#accept({ request, partition, deadlineAtMs, changes: plan.changes });
  }

  async #accept(input: {
    request: WriteRequest;
    partition: number;
    deadlineAtMs: number;
    changes: readonly Change[];
  }): Promise<WriteResult> {
    const { request, partition, deadlineAtMs } = input;
    const { trace } = request;
    const { clock, traces } = this.#options;
    const startedAtMs = clock.monotonicMs();
    const operation = this.operationOf(request, input.changes);
    const { id } = operation;
    const outcome = await this.#commits[partition]!.append(operation, deadlineAtMs);
    if (trace !== undefined && outcome.status === "accepted")
      traces?.step({ stage: "accept", trace, operation: id, partition, startedAtMs });
    const result = await this.answer({ request, partition, operation, outcome, deadlineAtMs });
    if (!request.waitCommitted || result.status !== "accepted" || !("sequence" in outcome)) return result;
    // To wait is a preference: where too many do, the write is accepted all the same.
    if (request.onWait?.() !== undefined) return result;
    return this.#waitCommitted({ result, partition, sequence: outcome.sequence, deadlineAtMs });
  }

  /**
   * What is appended for the request; the same for every try of it.
   * @throws {GatewayError} clock-skew.
   */
  operationOf(request: WriteTarget, changes: readonly Change[]): WalAppend {
    this.#clockGate.check(changes);
    const { tenant, collection, key, idempotencyKey, trace } = request;
    const { clock, random } = this.#options;
    const id =
      idempotencyKey === undefined
        ? random.uuid(clock.nowMs())
        : idempotentOperationId(tenant, idempotencyKey);
    const action = { type: "change", changes } as const;
    const requestHash = sha256(requestContent({ fences: [], writes: [{ collection, key, action }] }));
    const takes = takesOf(changes);
    const more = { ...(takes && { takes }), ...(trace !== undefined && { trace }) };
    return { id, tenant, collection, key, body: encodeChanges(changes), requestHash, ...more };
  }

  /** @throws {GatewayError} what became of the operation is a refusal. */
  async answer(input: {
    request: Pick<WriteRequest, "session">;
    partition: number;
    operation: WalAppend;
    outcome: AppendOutcome;
    deadlineAtMs: number;
  }): Promise<WriteResult> {
    const { request, partition, operation, outcome, deadlineAtMs } = input;
    const { region } = this.#options;
    switch (outcome.status) {
      case "mismatched": {
        const message = "the Idempotency-Key was used for another request; a new request needs a new key";
        throw new GatewayError("idempotency-key-reused", message, { operation: operation.id });
      }
      case "folded": {
        const { id, tenant } = operation;
        const known = { id, tenant, partition, outcome: outcome.outcome, lostFields: [] };
        const stored = await ifAnswered(this.#readOperation(id, deadlineAtMs));
        const receipt = receiptOf(stored ?? known, region);
        const session = mergeSessions(request.session, seenPosition(partition, outcome.outcome.position));
        return { ...receipt, session, isReplayed: true };
      }
      case "insufficient":
        throw this.#insufficient(operation, partition, outcome.left);
      case "accepted":
      case "replayed": {
        if ("left" in outcome) this.#seeker.taken({ partition, ...recordOf(operation) }, outcome.left ?? []);
        const session = mergeSessions(request.session, seenWal(region, partition, outcome.sequence));
        const receipt = { operation: operation.id, status: "accepted", region, at: outcome.hlc } as const;
        return { ...receipt, session, isReplayed: outcome.status === "replayed" };
      }
    }
  }

  /** Others may have the rights that this region lacks: they are asked, and the client may try again. */
  #insufficient(operation: WalAppend, partition: number, left: EscrowLeft): GatewayError {
    const { field, here, total } = left;
    const needed = operation.takes![field]!;
    const isElsewhere = total >= needed;
    const isSought =
      isElsewhere && this.#seeker.refused({ partition, ...recordOf(operation), field }, needed);
    const advice = isSought
      ? "rights of other regions were asked for; try again in a moment"
      : isElsewhere
        ? "other regions have rights to it, and are asked for many others at the moment; try again in a moment"
        : "try again when something was given";
    const message = `region ${this.#options.region} may take ${Math.max(0, here)} of "${field}", and all regions together ${Math.max(0, total)}: ${advice}`;
    const shown = { field, here: Math.max(0, here), total: Math.max(0, total) };
    return new GatewayError("insufficient", message, {
      field,
      left: shown,
      ...(isElsewhere && { retryAfterMs: RIGHTS_RETRY_AFTER_MS }),
    });
  }

  /** A preference, not a condition: at the deadline the write is still accepted, and the answer says so. */
  async #waitCommitted(input: {
    result: WriteResult;
    partition: number;
    sequence: number;
    deadlineAtMs: number;
  }): Promise<WriteResult> {
    const { result, partition, sequence, deadlineAtMs } = input;
    const { region } = this.#options;
    const need = { position: 0, watermarks: { [region]: sequence } };
    try {
      const folding = this.#watches[partition]!.wait({ need, deadlineAtMs });
      const folded = await this.#patience.until(deadlineAtMs, folding);
      if (folded === undefined) return result;
      const stored = await this.#readOperation(result.operation, deadlineAtMs);
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

  #readOperation(id: string, deadlineAtMs: number): Promise<StoredOperation | undefined> {
    return this.#patience.until(deadlineAtMs, this.#options.store.readOperation(id));
  }
}

/** What is known already must not look refused because the database does not tell the rest of it. */
async function ifAnswered<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof StoreUnavailableError) return undefined;
    throw error;
  }
}

function recordOf({ tenant, collection, key }: RecordId): RecordId {
  return { tenant, collection, key };
}
