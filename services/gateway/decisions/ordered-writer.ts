/** Requests that the log decides on, as proposals: writes with an authoritative part, deletes, transactions, leases. */
import { planCondition, planVersion } from "../../core/accept/condition.ts";
import { checkKey } from "../../core/accept/key.ts";
import { parseTransaction, type TransactionPart } from "../../core/accept/transaction.ts";
import { RefusedWriteError } from "../../core/accept/refused-write.ts";
import { planOrderedPart, type WritePlan } from "../../core/accept/write.ts";
import { uniqueValues } from "../../core/decide/claims.ts";
import type { Condition, Fence, ProposedWrite } from "../../core/proposal.ts";
import { partitionOf } from "../../core/partition.ts";
import { LEASES_COLLECTION } from "../../core/reserved.ts";
import { isEscrow, type CollectionSchema } from "../../core/schema.ts";
import { GatewayError } from "../errors.ts";
import type {
  ChangeContext,
  LeaseRequest,
  LifeRequest,
  ReclaimRequest,
  RecordTarget,
  TransactionRequest,
  WriteRequest,
  WriteResult,
} from "../gateway.ts";
import type { GatewayOptions } from "../gateway-options.ts";
import type { Located, Planner } from "../planner.ts";
import type { Decider } from "./decider.ts";

/** Which unique values come back is read later: they are no part of what the client asks for. */
const RESTORE = { type: "restore", claims: [] } as const;

export class OrderedWriter {
  readonly #options: GatewayOptions;
  readonly #planner: Planner;
  readonly #decider: Decider;

  constructor(options: GatewayOptions, parts: { planner: Planner; decider: Decider }) {
    this.#options = options;
    this.#planner = parts.planner;
    this.#decider = parts.decider;
  }

  /** A write of one record that touches what the log decides on. */
  write(
    request: WriteRequest,
    planned: { partition: number; plan: WritePlan; deadlineAtMs: number },
  ): Promise<WriteResult> {
    const { collection, key } = request;
    const { partition, plan, deadlineAtMs } = planned;
    const { changes, condition, fence, isForced } = plan;
    const action = { type: "change", changes } as const;
    const write = { collection, key, action, ...(condition !== undefined && { condition }) };
    this.#checkFences(request, fence === undefined ? [] : [fence], partition);
    return this.#decider.decide({
      context: request,
      deadlineAtMs,
      partition,
      fences: fence === undefined ? [] : [fence],
      writes: [write],
      isForced,
    });
  }

  async remove(request: LifeRequest): Promise<WriteResult> {
    const deadlineAtMs = this.#deadlineOf(request);
    const located = await this.#locate(request, deadlineAtMs);
    const write = { ...target(request), action: { type: "delete" } as const, ...conditionOf(request) };
    return this.#decider.decide({
      context: request,
      deadlineAtMs,
      partition: located.partition,
      fences: [],
      writes: [write],
    });
  }

  async restore(request: LifeRequest): Promise<WriteResult> {
    const deadlineAtMs = this.#deadlineOf(request);
    const located = await this.#locate(request, deadlineAtMs);
    const write = { ...target(request), action: RESTORE, ...conditionOf(request) };
    return this.#decider.decide({
      context: request,
      deadlineAtMs,
      partition: located.partition,
      fences: [],
      writes: [write],
      complete: async () => [await this.#withClaims(request.tenant, located, write)],
    });
  }

  /** @throws {RefusedWriteError}, {GatewayError} across-partitions, and whatever the decision is. */
  async transact(request: TransactionRequest): Promise<WriteResult> {
    const { parts, fence } = parseTransaction(request.body);
    const { tenant } = request;
    const deadlineAtMs = this.#deadlineOf(request);
    const planned = await Promise.all(
      parts.map(async (part) => {
        const { collection, key } = part;
        const located = await this.#planner.locate({ tenant, collection, key, deadlineAtMs });
        return { part, located, write: await this.#plan(part, located) };
      }),
    );
    const partition = planned[0]!.located.partition;
    const stray = planned.find(({ located }) => located.partition !== partition);
    if (stray !== undefined) throw acrossPartitions(parts[0]!, stray.part);
    const fences = fence === undefined ? [] : [fence];
    this.#checkFences(request, fences, partition);
    const writes = planned.map(({ write }) => write);
    const complete = () =>
      Promise.all(planned.map(({ located, write }) => this.#withClaims(tenant, located, write)));
    return this.#decider.decide({ context: request, deadlineAtMs, partition, fences, writes, complete });
  }

  lease(request: LeaseRequest): Promise<WriteResult> {
    const { tenant, name, action } = request;
    checkKey(name);
    const partition = partitionOf({ tenant, key: name }, this.#options.partitions);
    const write = { collection: LEASES_COLLECTION, key: name, action };
    const deadlineAtMs = this.#deadlineOf(request);
    return this.#decider.decide({ context: request, deadlineAtMs, partition, fences: [], writes: [write] });
  }

  async reclaim(request: ReclaimRequest): Promise<WriteResult> {
    const { collection, key, lostRegion } = request;
    const deadlineAtMs = this.#deadlineOf(request);
    const { partition, collection: known } = await this.#locate(request, deadlineAtMs);
    // Behind a schema with escrows every member reads reclaims.
    if (!Object.values(known.schema.fields).some(isEscrow)) {
      const message = `collection "${collection}" has no escrow, and so no rights to reclaim`;
      throw new RefusedWriteError("wrong-operator", message);
    }
    const write = { collection, key, action: { type: "reclaim", from: lostRegion } as const };
    return this.#decider.decide({ context: request, deadlineAtMs, partition, fences: [], writes: [write] });
  }

  /** On the monotonic clock. */
  #deadlineOf({ deadlineMs }: ChangeContext): number {
    return this.#options.clock.monotonicMs() + deadlineMs;
  }

  #locate(request: LifeRequest | ReclaimRequest, deadlineAtMs: number): Promise<Located> {
    const { tenant, collection, key } = request;
    checkKey(key);
    return this.#planner.locate({ tenant, collection, key, deadlineAtMs });
  }

  async #plan(part: TransactionPart, located: Located): Promise<ProposedWrite> {
    const { collection, key, type, body } = part;
    if (type === "change") {
      const { changes, condition } = await this.#planner.plan(located, (schema) =>
        planOrderedPart(schema, body),
      );
      if (changes.length === 0 && condition === undefined) throw emptyPart(part);
      const action = { type: "change", changes } as const;
      return { collection, key, action, ...(condition !== undefined && { condition }) };
    }
    const condition = await this.#planner.plan(located, (schema) => partCondition(schema, body["if"]));
    const action = type === "delete" ? ({ type: "delete" } as const) : RESTORE;
    return { collection, key, action, ...(condition !== undefined && { condition }) };
  }

  /** The fold looks up the unique values that the proposal names; if they are no longer the record's, it says so. */
  async #withClaims(
    tenant: string,
    { partition, collection }: Located,
    write: ProposedWrite,
  ): Promise<ProposedWrite> {
    if (write.action.type !== "restore") return write;
    const id = { tenant, collection: collection.name, key: write.key };
    const { committed } = await this.#options.store.readRecord({ partition, ...id });
    if (committed === undefined) return write;
    const { tombstone: _, ...revived } = committed;
    const claims = uniqueValues(collection.schema, revived);
    return { ...write, action: { type: "restore", claims } };
  }

  /** A lease is in the partition of its name: only there can the fold look at it. */
  #checkFences({ tenant }: ChangeContext, fences: readonly Fence[], partition: number): void {
    for (const { lease } of fences) {
      const own = partitionOf({ tenant, key: lease }, this.#options.partitions);
      if (own === partition) continue;
      const message = `lease "${lease}" is in partition ${own} and the write in ${partition}: give both names the same {tag}`;
      throw new GatewayError("across-partitions", message);
    }
  }
}

function target({ collection, key }: RecordTarget): { collection: string; key: string } {
  return { collection, key };
}

function conditionOf({ version }: RecordTarget): { condition?: Condition } {
  return version === undefined ? {} : { condition: { version: planVersion(version) } };
}

function partCondition(schema: CollectionSchema, given: unknown): Condition | undefined {
  return given === undefined ? undefined : planCondition(schema, given);
}

function acrossPartitions(one: TransactionPart, other: TransactionPart): GatewayError {
  const message = `records "${one.key}" and "${other.key}" are in different partitions: a transaction has to be in one; give the keys the same {tag}`;
  return new GatewayError("across-partitions", message);
}

function emptyPart({ key }: TransactionPart): Error {
  return new RefusedWriteError("empty-write", `the write to "${key}" has neither a change nor a condition`);
}
