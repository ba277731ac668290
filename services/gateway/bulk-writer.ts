/**
 * Many writes to a collection at once, each an operation of its own: what the region takes alone goes into one flush per
 * partition, what the log decides is proposed a few dozen at a time. Lines are answered one by one.
 */
import { checkKey } from "../core/accept/key.ts";
import { RefusedWriteError } from "../core/accept/refused-write.ts";
import { planWrite, type WritePlan } from "../core/accept/write.ts";
import type { AppendClass } from "../core/admission/wal.ts";
import { sha256 } from "../core/hash.ts";
import { mergeSessions, seenPosition, seenWal, type Session } from "../core/session.ts";
import type { WalAppend } from "../ports/region-store.ts";
import { problemDefinition } from "../protocol/http/problems.ts";
import type { OrderedWriter } from "./decisions/ordered-writer.ts";
import { GatewayError } from "./errors.ts";
import type { BulkLine, BulkLineResult, BulkRequest, BulkResult, WriteRequest } from "./gateway.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { FindNewest, Located, Planner } from "./planner.ts";
import { receiptOf } from "./receipt.ts";
import type { Writer } from "./writer.ts";

/** Writes of an app that its client has put together count as if they came one by one. */
const GATHERED_LINES_MAX = 64;
/** Lines that are checked before others get their turn. */
const LINES_PER_TURN = 64;
/** Lines of a request that wait for the log at once. Those of one record come one after the other. */
const ORDERED_LANES = 64;

export interface BulkWriterParts {
  readonly planner: Planner;
  readonly commits: readonly GroupCommit[];
  readonly writer: Writer;
  readonly ordered: OrderedWriter;
}

/** A line whose body is right. */
interface Planned {
  readonly request: WriteRequest;
  readonly partition: number;
  readonly plan: WritePlan;
  /** What is to be appended; undefined where the log decides. */
  readonly operation: WalAppend | undefined;
}

type Locate = (key: string) => Located;

interface Done {
  readonly result: BulkLineResult;
  /** What the client has seen with it. */
  readonly seen: Session | { readonly partition: number; readonly sequence: number };
}

/** The last line so far of a record. */
interface Last {
  readonly doing: Promise<Done | Error>;
  /** It goes with the request's one flush. */
  readonly isFlushed: boolean;
}

export class BulkWriter {
  readonly #options: Pick<GatewayOptions, "clock" | "region">;
  readonly #parts: BulkWriterParts;

  constructor(options: Pick<GatewayOptions, "clock" | "region">, parts: BulkWriterParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** @throws {GatewayError} unknown-collection; {StoreUnavailableError}: no line had an effect. */
  async write(request: BulkRequest): Promise<BulkResult> {
    const deadlineAtMs = this.#options.clock.monotonicMs() + request.deadlineMs;
    const planned = await this.#planAll(request, deadlineAtMs);
    const done = await Promise.all(this.#doAll(planned, deadlineAtMs));
    return { lines: done.map(resultOf), session: this.#sessionOf(request.session, done) };
  }

  /** Lines of one record take effect in their order, whoever takes them: the log must not decide one before it has those in front. */
  #doAll(planned: readonly (Planned | Error)[], deadlineAtMs: number): Promise<Done | Error>[] {
    const lanes = new Map<number, Promise<unknown>>();
    const lastOfKeys = new Map<string, Last>();
    // One turn for all appends: that is what makes them one flush.
    const group = {};
    const kind = planned.length > GATHERED_LINES_MAX ? "bulk" : "write";
    return planned.map((line) => {
      if (line instanceof Error) return Promise.resolve(line);
      const { operation, request } = line;
      const earlier = lastOfKeys.get(request.key);
      if (operation !== undefined && (earlier === undefined || earlier.isFlushed)) {
        const doing = this.#append(line, operation, { deadlineAtMs, kind, group }).catch(asError);
        lastOfKeys.set(request.key, { doing, isFlushed: true });
        return doing;
      }
      const lane = Number.parseInt(sha256(request.key).slice(0, 6), 16) % ORDERED_LANES;
      const doing = this.#doAfter([lanes.get(lane), earlier?.doing], (before) =>
        operation === undefined
          ? this.#decide(line, before, deadlineAtMs)
          : this.#append(line, operation, { deadlineAtMs, kind }),
      ).catch(asError);
      lanes.set(lane, doing);
      lastOfKeys.set(request.key, { doing, isFlushed: false });
      return doing;
    });
  }

  /** @throws {GatewayError} overloaded: the record's earlier line is worth sending again, and has to come first. */
  async #doAfter(
    [lane, earlier]: readonly [Promise<unknown> | undefined, Promise<Done | Error> | undefined],
    work: (before: Done | undefined) => Promise<Done>,
  ): Promise<Done> {
    await lane;
    const before = await earlier;
    if (before instanceof Error && isPassing(before)) {
      const message = "an earlier line of the same record is to be sent again, and has to come first";
      throw new GatewayError("overloaded", message, { retryAfterMs: 1_000 });
    }
    return work(before instanceof Error ? undefined : before);
  }

  async #planAll(request: BulkRequest, deadlineAtMs: number): Promise<(Planned | Error)[]> {
    const { tenant, collection } = request;
    const locate = await this.#parts.planner.locator({ tenant, collection, deadlineAtMs });
    const newest = this.#parts.planner.newestOnce();
    const planned: (Planned | Error)[] = [];
    const ids = new Set<string>();
    for (const [index, line] of request.lines.entries()) {
      if (index > 0 && index % LINES_PER_TURN === 0) await this.#options.clock.turn();
      if (line instanceof Error) planned.push(line);
      else if (ids.has(line.id)) planned.push(repeated(line));
      else {
        const now = this.#planNow(request, line, locate);
        planned.push(now instanceof Error ? await this.#planAgain(request, line, { locate, newest }) : now);
      }
      if (!(line instanceof Error)) ids.add(line.id);
    }
    return planned;
  }

  #planNow(bulk: BulkRequest, line: BulkLine, locate: Locate): Planned | Error {
    try {
      checkKey(line.key);
      const located = locate(line.key);
      return this.#planned(bulk, line, { located, plan: planWrite(located.collection.schema, line.body) });
    } catch (error) {
      return refusedOf(error);
    }
  }

  /** A line that is refused may be right by a schema that the gateway has not heard of. */
  async #planAgain(
    bulk: BulkRequest,
    line: BulkLine,
    { locate, newest }: { locate: Locate; newest: FindNewest },
  ): Promise<Planned | Error> {
    try {
      checkKey(line.key);
      const located = locate(line.key);
      const plan = await this.#parts.planner.plan(located, (schema) => planWrite(schema, line.body), newest);
      return this.#planned(bulk, line, { located, plan });
    } catch (error) {
      return refusedOf(error);
    }
  }

  #planned(
    bulk: BulkRequest,
    { id: idempotencyKey, key, body }: BulkLine,
    { located, plan }: { located: Located; plan: WritePlan },
  ): Planned {
    const request = { ...bulk, key, body, idempotencyKey, waitCommitted: false };
    const { isAuthoritative, changes } = plan;
    const operation = isAuthoritative ? undefined : this.#parts.writer.operationOf(request, changes);
    return { request, partition: located.partition, plan, operation };
  }

  async #append(
    { request, partition }: Planned,
    operation: WalAppend,
    { deadlineAtMs, kind, group }: { deadlineAtMs: number; kind: AppendClass; group?: object },
  ): Promise<Done> {
    const { commits, writer } = this.#parts;
    const outcome = await commits[partition]!.append(operation, deadlineAtMs, {
      kind,
      ...(group !== undefined && { group }),
    });
    if (outcome.status === "folded") {
      // Without the fields that lost, which would be a look at the database for each line.
      const stored = { id: operation.id, tenant: operation.tenant, partition, lostFields: [] };
      const receipt = receiptOf({ ...stored, outcome: outcome.outcome }, this.#options.region);
      const seen = seenPosition(partition, outcome.outcome.position);
      return { result: { ...receipt, isReplayed: true }, seen };
    }
    if (outcome.status === "accepted" && outcome.left === undefined) {
      const result = { operation: operation.id, status: outcome.status, isReplayed: false };
      return { result, seen: { partition, sequence: outcome.sequence } };
    }
    const result = await writer.answer({ request, partition, operation, outcome, deadlineAtMs });
    return { result, seen: result.session };
  }

  async #decide(
    { request, partition, plan }: Planned,
    before: Done | undefined,
    deadlineAtMs: number,
  ): Promise<Done> {
    const session = before === undefined ? request.session : this.#sessionOf(request.session, [before]);
    const result = await this.#parts.ordered.write(
      { ...request, session },
      { partition, plan, deadlineAtMs },
    );
    return { result, seen: result.session };
  }

  #sessionOf(before: Session, done: readonly (Done | Error)[]): Session {
    const sequences = new Map<number, number>();
    let session = before;
    for (const one of done) {
      if (one instanceof Error) continue;
      const { seen } = one;
      if (!("sequence" in seen)) session = mergeSessions(session, seen);
      else sequences.set(seen.partition, Math.max(seen.sequence, sequences.get(seen.partition) ?? 0));
    }
    const { region } = this.#options;
    for (const [partition, sequence] of sequences)
      session = mergeSessions(session, seenWal(region, partition, sequence));
    return session;
  }
}

/** Of what the log refuses, or was not asked, or has not answered. */
function isPassing(error: Error): boolean {
  return !(error instanceof GatewayError) || problemDefinition(error.code).retry !== "never";
}

function resultOf(done: Done | Error): BulkLineResult | Error {
  return done instanceof Error ? done : done.result;
}

/** @throws what is not the line's fault. */
function refusedOf(error: unknown): Error {
  if (error instanceof RefusedWriteError) return error;
  throw error;
}

function repeated({ id }: BulkLine): RefusedWriteError {
  const shown = JSON.stringify(id);
  return new RefusedWriteError("malformed-body", `the id ${shown} stands at an earlier line already`, "id");
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
