/**
 * Many writes to a collection at once, each an operation of its own: what the region takes alone goes into one flush per
 * partition, what the log decides is proposed a few dozen at a time. Lines are answered one by one.
 */
import { checkKey } from "../core/accept/key.ts";
import { RefusedWriteError } from "../core/accept/refused-write.ts";
import { planWrite, type WritePlan } from "../core/accept/write.ts";
import { sha256 } from "../core/hash.ts";
import { mergeSessions, seenPosition, seenWal, type Session } from "../core/session.ts";
import type { AppendOutcome, WalAppend } from "../ports/region-store.ts";
import { problemDefinition } from "../protocol/http/problems.ts";
import type { OrderedWriter } from "./decisions/ordered-writer.ts";
import { GatewayError } from "./errors.ts";
import type { BulkLine, BulkLineResult, BulkRequest, BulkResult } from "./gateway.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import type { AppendOptions, GroupCommit } from "./group-commit.ts";
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
  readonly line: BulkLine;
  readonly partition: number;
  readonly plan: WritePlan;
  /** What is to be appended; undefined where the log decides. */
  readonly operation: WalAppend | undefined;
}

/** How operations of one request are appended. */
interface Appending {
  readonly bulk: BulkRequest;
  readonly deadlineAtMs: number;
  readonly how: AppendOptions;
}

type Locate = (key: string) => Located;

interface Done {
  readonly result: BulkLineResult;
  /** What the client has seen with it. */
  readonly seen: Session | { readonly partition: number; readonly sequence: number };
}

/** What became of lines of a record that stand in front of others. */
interface Settled {
  /** One of them is to be sent again. */
  readonly isPassing: boolean;
  /** The request's, with what they have written and seen. */
  readonly session: Session;
}

/** Lines of one record so far. */
interface RecordLines {
  /** In the request's one flush; nobody has waited for them yet. */
  flushed: Promise<Done | Error>[];
  /** Of those before; undefined while all go with the flush. */
  settled: Promise<Settled> | undefined;
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
    const done = await Promise.all(this.#doAll(request, planned, deadlineAtMs));
    return { lines: done.map(resultOf), session: this.#sessionOf(request.session, done) };
  }

  /** Lines of one record take effect in their order, whoever takes them: the log must not decide one before it has those in front. */
  #doAll(
    bulk: BulkRequest,
    planned: readonly (Planned | Error)[],
    deadlineAtMs: number,
  ): Promise<Done | Error>[] {
    const lanes = new Map<number, Promise<unknown>>();
    const linesOf = new Map<string, RecordLines>();
    const kind = planned.length > GATHERED_LINES_MAX ? "bulk" : "write";
    const alone: Appending = { bulk, deadlineAtMs, how: { kind } };
    // One turn for all appends: that is what makes them one flush.
    const together: Appending = { ...alone, how: { kind, group: {} } };
    return planned.map((one) => {
      if (one instanceof Error) return Promise.resolve(one);
      const { operation } = one;
      const { key } = one.line;
      const lines = linesOf.get(key) ?? { flushed: [], settled: undefined };
      linesOf.set(key, lines);
      if (operation !== undefined && lines.settled === undefined) {
        const doing = this.#append(one, operation, together).catch(asError);
        lines.flushed.push(doing);
        return doing;
      }
      const before = this.#settled(bulk.session, lines.settled, lines.flushed);
      const lane = Number.parseInt(sha256(key).slice(0, 6), 16) % ORDERED_LANES;
      const doing = this.#doAfter(lanes.get(lane), before, (session) =>
        operation === undefined
          ? this.#decide(one, { ...bulk, session }, deadlineAtMs)
          : this.#append(one, operation, alone),
      ).catch(asError);
      lanes.set(lane, doing);
      linesOf.set(key, { flushed: [], settled: this.#settled(bulk.session, before, [doing]) });
      return doing;
    });
  }

  async #settled(
    session: Session,
    before: Promise<Settled> | undefined,
    doing: readonly Promise<Done | Error>[],
  ): Promise<Settled> {
    const earlier = (await before) ?? { isPassing: false, session };
    const done = await Promise.all(doing);
    const isPassing = earlier.isPassing || done.some((one) => one instanceof Error && isPassingError(one));
    return { isPassing, session: this.#sessionOf(earlier.session, done) };
  }

  /** @throws {GatewayError} overloaded: an earlier line of the record is worth sending again, and has to come first. */
  async #doAfter(
    lane: Promise<unknown> | undefined,
    before: Promise<Settled>,
    work: (session: Session) => Promise<Done>,
  ): Promise<Done> {
    await lane;
    const { isPassing, session } = await before;
    if (isPassing) {
      const message = "an earlier line of the same record is to be sent again, and has to come first";
      throw new GatewayError("overloaded", message, { retryAfterMs: 1_000 });
    }
    return work(session);
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
    { tenant, collection, trace }: BulkRequest,
    line: BulkLine,
    { located: { partition }, plan }: { located: Located; plan: WritePlan },
  ): Planned {
    if (plan.isAuthoritative) return { line, partition, plan, operation: undefined };
    const target = { tenant, collection, key: line.key, idempotencyKey: line.id, trace };
    return { line, partition, plan, operation: this.#parts.writer.operationOf(target, plan.changes) };
  }

  #append(planned: Planned, operation: WalAppend, appending: Appending): Promise<Done> {
    const { deadlineAtMs, how } = appending;
    const appended = this.#parts.commits[planned.partition]!.append(operation, deadlineAtMs, how);
    return appended.then((outcome) => this.#doneOf(planned, { operation, outcome, ...appending }));
  }

  #doneOf(
    { partition }: Planned,
    { operation, outcome, bulk, deadlineAtMs }: Appending & { operation: WalAppend; outcome: AppendOutcome },
  ): Done | Promise<Done> {
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
    const { writer } = this.#parts;
    const answering = writer.answer({ request: bulk, partition, operation, outcome, deadlineAtMs });
    return answering.then((result) => ({ result, seen: result.session }));
  }

  async #decide(
    { line: { id: idempotencyKey, key, body }, partition, plan }: Planned,
    bulk: BulkRequest,
    deadlineAtMs: number,
  ): Promise<Done> {
    const request = { ...bulk, key, body, idempotencyKey, waitCommitted: false };
    const result = await this.#parts.ordered.write(request, { partition, plan, deadlineAtMs });
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

/** What the log refuses, or was not asked, or has not answered: the line may do as it is another time. */
function isPassingError(error: Error): boolean {
  if (error instanceof RefusedWriteError) return false;
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
