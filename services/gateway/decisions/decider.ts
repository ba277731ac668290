/**
 * The authoritative way in: wait for what the session has seen → propose to the log → wait until this region has folded
 * the decision → answer. Nothing that a client is told is dead takes effect later (I7).
 */
import { RefusedWriteError } from "../../core/accept/refused-write.ts";
import type { Rejection } from "../../core/decide/rejection.ts";
import type { OperationOutcome } from "../../core/fold/state.ts";
import { sha256 } from "../../core/hash.ts";
import { hlcFromMilliseconds } from "../../core/hlc.ts";
import { idempotentOperationId } from "../../core/operation-id.ts";
import type { Fence, Proposal, ProposedWrite } from "../../core/proposal.ts";
import { coverFolded, mergeSessions, needOf, seenPosition, type Session } from "../../core/session.ts";
import { ENTRY_BYTES_MAX, PROPOSALS_VERSION, TRACES_VERSION } from "../../protocol/entry-codec.ts";
import { encodeProposal, requestContent } from "../../protocol/proposal-codec.ts";
import { checkMayWait } from "../admission/may-wait.ts";
import { GatewayError, type GatewayErrorDetails } from "../errors.ts";
import type { FoldWatch } from "../fold-watch.ts";
import type { ChangeContext, WriteResult } from "../gateway.ts";
import type { GatewayOptions } from "../gateway-options.ts";
import { checkDeparted, checkRuns } from "../lost-session.ts";
import { receiptOf } from "../receipt.ts";
import { StorePatience } from "../store-patience.ts";
import type { Members } from "./members.ts";
import { OutcomeWatch, type PendingVerdict, type Verdict } from "./outcome-watch.ts";
import type { Proposer, Published } from "./proposer.ts";
import { REJECTED_CODES } from "./rejected-codes.ts";

/** Leaves room for the envelope. */
const LINE_BYTES_MAX = ENTRY_BYTES_MAX - 1_024;
/** Proposals that are sent, and that this region's fold has not decided yet. */
const UNDECIDED_MAX = 16_384;

export interface DecisionRequest {
  readonly context: ChangeContext;
  /** On the monotonic clock. */
  readonly deadlineAtMs: number;
  readonly partition: number;
  readonly fences: readonly Fence[];
  /** What the client asks for: it is the same for every try. */
  readonly writes: readonly ProposedWrite[];
  /** Part of what the client asks for, too. */
  readonly isForced?: boolean;
  /** The writes with what has to be read for them, once the region holds what the session has seen. */
  readonly complete?: () => Promise<readonly ProposedWrite[]>;
}

export interface DeciderParts {
  readonly proposers: readonly Proposer[];
  readonly watches: readonly FoldWatch[];
  readonly members: Members;
}

interface Attempt {
  readonly request: DecisionRequest;
  readonly proposal: Proposal;
  /** On the monotonic clock. */
  readonly deadlineAtMs: number;
  readonly session: Session;
}

export class Decider {
  readonly #options: GatewayOptions;
  readonly #parts: DeciderParts;
  readonly #outcomes: readonly OutcomeWatch[];
  readonly #patience: StorePatience;

  constructor(options: GatewayOptions, parts: DeciderParts) {
    this.#options = options;
    this.#parts = parts;
    this.#patience = new StorePatience(options.clock);
    this.#outcomes = parts.proposers.map((_, partition) => new OutcomeWatch(options, partition));
  }

  /**
   * @throws {GatewayError} what the log has decided against; overloaded, no-quorum, expired: without effect; outcome-unknown.
   * @throws {StoreUnavailableError} nothing was sent.
   */
  async decide(request: DecisionRequest): Promise<WriteResult> {
    const { context, deadlineAtMs } = request;
    const id = this.#idOf(context);
    const requestHash = sha256(requestContent(request));
    if (context.idempotencyKey !== undefined) {
      const known = await this.#findKnown({ request, id, requestHash });
      if (known !== undefined) return known;
    }
    const session = await this.#awaitSession(request);
    const writes = await this.#patience.until(deadlineAtMs, this.#completed(request));
    const proposal = this.#propose({ request: { ...request, writes }, id, requestHash, deadlineAtMs });
    return this.#publish({ request, proposal, deadlineAtMs, session });
  }

  async #completed({ partition, writes, complete }: DecisionRequest): Promise<readonly ProposedWrite[]> {
    await this.#parts.members.checkReading(partition, PROPOSALS_VERSION);
    return complete === undefined ? writes : complete();
  }

  #idOf({ tenant, idempotencyKey }: ChangeContext): string {
    const { random, clock } = this.#options;
    return idempotencyKey === undefined
      ? random.uuid(clock.nowMs())
      : idempotentOperationId(tenant, idempotencyKey);
  }

  /** An earlier try that was decided is answered as it was, also while the log can't be reached. */
  async #findKnown(input: {
    request: DecisionRequest;
    id: string;
    requestHash: string;
  }): Promise<WriteResult | undefined> {
    const { request, id, requestHash } = input;
    const reading = this.#options.store.readOperation(id);
    const stored = await this.#patience.until(request.deadlineAtMs, reading);
    if (stored === undefined) return undefined;
    const isSame = (hash: string | undefined) => hash === undefined || hash === requestHash;
    if (!isSame(stored.outcome?.requestHash) || !isSame(stored.accepted?.requestHash)) throw keyReused(id);
    if (stored.outcome === undefined) return undefined;
    const { partition } = request;
    return this.#answer({
      outcome: stored.outcome,
      partition,
      session: request.context.session,
      isReplayed: true,
    });
  }

  /** What the session has buffered, here or elsewhere, is ordered before what it proposes. */
  async #awaitSession({ context, partition, deadlineAtMs }: DecisionRequest): Promise<Session> {
    const { session, onWait } = context;
    const need = needOf(session, partition, null);
    const isEmpty = need.position === 0 && Object.keys(need.watermarks).length === 0;
    if (isEmpty) return session;
    const folding = this.#parts.watches[partition]!.wait({ need, deadlineAtMs, onWait });
    const folded = await this.#patience.until(deadlineAtMs, folding);
    if (folded !== undefined) {
      checkRuns(session, partition, folded);
      return coverFolded(session, partition, folded);
    }
    await checkDeparted(this.#options.store, session, partition);
    const message = `region ${this.#options.region} has not folded yet what this session has written or seen; the request was not sent`;
    throw new GatewayError("session-behind", message, { retryAfterMs: 1_000 });
  }

  #propose(input: {
    request: DecisionRequest;
    id: string;
    requestHash: string;
    deadlineAtMs: number;
  }): Proposal {
    const { request, id, requestHash, deadlineAtMs } = input;
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    // Deadlines are in log time. Where that is ahead of our clock, ours would say that it is over already.
    const logTimeMs = Math.max(nowMs, this.#outcomes[request.partition]!.logTimeMs);
    return {
      id,
      tenant: request.context.tenant,
      requestHash,
      hlc: hlcFromMilliseconds(nowMs),
      deadlineMs: Math.ceil(logTimeMs + Math.max(0, deadlineAtMs - clock.monotonicMs())),
      fences: request.fences,
      writes: request.writes,
    };
  }

  async #publish(attempt: Attempt): Promise<WriteResult> {
    const { proposal, request, deadlineAtMs, session } = attempt;
    const { partition } = request;
    const isTraced =
      request.context.trace !== undefined && (await this.#parts.members.read(partition, TRACES_VERSION));
    const line = encodeProposal(proposal);
    if (Buffer.byteLength(line) > LINE_BYTES_MAX) {
      const message = "the request is too large for one entry of the log: write fewer records at once";
      throw new RefusedWriteError("too-many-writes", message);
    }
    if (this.#outcomes[partition]!.waiting >= UNDECIDED_MAX) {
      const message = `${UNDECIDED_MAX} authoritative writes already wait for this region's fold`;
      throw new GatewayError("overloaded", message, { retryAfterMs: 1_000 });
    }
    checkMayWait(request.context.onWait);
    // First: the decision may be folded before the publish is acknowledged.
    const pending = this.#outcomes[partition]!.wait({
      id: proposal.id,
      expiresAtMs: proposal.deadlineMs,
      deadlineAtMs,
    });
    const trace = isTraced ? request.context.trace : undefined;
    const publishing = this.#parts.proposers[partition]!.publish(line, deadlineAtMs, trace);
    this.#trace(attempt, publishing);
    const verdict = await firstOf(pending, publishing);
    if (verdict.status !== "decided") throw undecided(verdict.status, proposal);
    const { outcome } = verdict;
    if (outcome.requestHash !== proposal.requestHash) throw keyReused(proposal.id);
    // Of another region's try no acknowledgement has to tell, which may come only after the decision.
    const isReplayed =
      outcome.origin !== this.#options.region || isEarlier(outcome, await settledOf(publishing));
    return this.#answer({ outcome, partition, session, isReplayed });
  }

  /** Tells of the publish once it is in the log; never rejects. */
  #trace({ proposal, request }: Attempt, publishing: Promise<Published>): void {
    const { traces, clock } = this.#options;
    const { context, partition } = request;
    const { trace } = context;
    if (trace === undefined || traces === undefined) return;
    const step = { trace, operation: proposal.id, partition, startedAtMs: clock.monotonicMs() };
    traces.step({ ...step, stage: "accept" });
    const tell = (published: Published) => {
      if (published !== "unknown") traces.step({ ...step, stage: "publish", position: published.position });
    };
    publishing.then(tell, () => undefined);
  }

  #answer(input: {
    outcome: OperationOutcome;
    partition: number;
    session: Session;
    isReplayed: boolean;
  }): WriteResult {
    const { outcome, partition, isReplayed } = input;
    const session = mergeSessions(input.session, seenPosition(partition, outcome.position));
    const { id, tenant, position, rejection } = outcome;
    if (rejection !== undefined) {
      const place = { partition, sequence: position };
      throw rejected(rejection, { operation: id, position: place, session, isReplayed });
    }
    const receipt = receiptOf({ id, tenant, partition, outcome, lostFields: [] }, this.#options.region);
    return { ...receipt, session, isReplayed, isDecided: true };
  }
}

/** A publish that is refused is certain; however else it ends, the verdict counts. */
async function firstOf(pending: PendingVerdict, publishing: Promise<Published>): Promise<Verdict> {
  try {
    return await Promise.race([pending.verdict, publishing.then(() => pending.verdict)]);
  } catch (error) {
    pending.forget();
    throw error;
  }
}

function keyReused(operation: string): GatewayError {
  const message = "the Idempotency-Key was used for another request; a new request needs a new key";
  return new GatewayError("idempotency-key-reused", message, { operation });
}

function rejected({ code, message, field, write }: Rejection, details: GatewayErrorDetails): GatewayError {
  const place = { ...(field !== undefined && { field }), ...(write !== undefined && { write }) };
  return new GatewayError(REJECTED_CODES[code], message, { ...details, ...place });
}

function undecided(status: "expired" | "unknown", { id, deadlineMs }: Proposal): GatewayError {
  const details = { operation: id, expiresAtMs: deadlineMs, retryAfterMs: 1_000 };
  if (status === "expired") {
    const message = "the log has passed the deadline of this try without it: it has no effect, now or later";
    return new GatewayError("expired", message, details);
  }
  const message =
    "the log has not decided before the deadline; ask for the operation to learn what became of it";
  return new GatewayError("outcome-unknown", message, details);
}

/** The answer to an earlier try: decided before the entry that carries this one. */
function isEarlier(outcome: OperationOutcome, published: Published | undefined): boolean {
  return published !== undefined && published !== "unknown" && outcome.position < published.position;
}

/** What a publish came to, if it has; an acknowledgement may still be on its way when the decision is there. */
async function settledOf(publishing: Promise<Published>): Promise<Published | undefined> {
  return Promise.race([publishing.catch(() => undefined), Promise.resolve().then(() => undefined)]);
}
