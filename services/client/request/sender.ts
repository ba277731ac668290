/** Sends a request until it is answered, refused for good, or too late: everything that an app should not think about. */
import { ForebayError, OutcomeUnknownError } from "../errors.ts";
import { onAbort, sleep, type Platform } from "../platform.ts";
import { Router, type RegionAddress } from "../regions/router.ts";
import { Session, sessionHeader, type Carried } from "../session/session.ts";
import { attempt, type Outcome } from "./attempt.ts";
import { startBudget, takeRetry, type Budget, type BudgetLimits } from "./budget.ts";
import { Credential, type Wait } from "./credential.ts";
import { Lane, type LaneLimits } from "./lane.ts";
import { judgeTry, NEW_CHASE, type Chase } from "./policy.ts";

export interface CallOptions {
  /** For all tries together. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

export interface ClientRequest {
  readonly method: string;
  /** From `/v1` on. */
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of a change; without it the request is a read, or changes nothing that it would not change twice. */
  readonly idempotencyKey?: string;
  readonly isTake?: boolean;
  /** It changes something, and safely more than once, without a key: each of its lines has one, or it is about the whole. */
  readonly isChange?: boolean;
  /** A region takes it alone, whatever the client has seen. */
  readonly isLocal?: boolean;
  /** Of one try; default: that of the client. */
  readonly tryMs?: number;
}

export interface SenderOptions {
  readonly regions: readonly RegionAddress[];
  /** Bearer of each request. */
  readonly credential: (() => Promise<string> | string) | undefined;
  /** Whether `credential` may give another one. */
  readonly canRenewCredential: boolean;
  readonly deadlineMs: number;
  /** Of one try, so that another region gets its turn before the deadline. */
  readonly tryMs: number;
  readonly budget: BudgetLimits;
  readonly lanes: LaneLimits;
}

const LOOK_TIMEOUT_MS = 2_000;
const CATCH_UP_MS = 500;
const DEADLINE_MS_MIN = 50;
const DEADLINE_MS_MAX = 60_000;
/** Reads within one try. */
const ASKS_MAX = 16;
/** The region answers so much before the client gives up, so that its answer arrives. */
const ANSWER_SHARE = 0.9;

interface Call extends Wait {
  readonly request: ClientRequest;
}

/** A try in this region, whose lane it has entered; with this credential. */
interface Place {
  readonly region: RegionAddress;
  readonly lane: Lane;
  readonly token: string | undefined;
}

interface Tried {
  readonly place: Place;
  readonly outcome: Outcome;
}

/** How a request has ended, and what is known from all its tries. */
export interface Ran {
  readonly chase: Chase;
  /** Undefined where it was answered. */
  readonly error?: ForebayError;
  readonly body?: unknown;
  /** That has answered. */
  readonly region?: RegionAddress | undefined;
}

export class Sender {
  readonly session = new Session();
  readonly router: Router;
  readonly platform: Platform;
  readonly deadlineMs: number;
  readonly limits: LaneLimits;
  readonly #options: SenderOptions;
  readonly #lanes: ReadonlyMap<string, Lane>;
  #budget: Budget;
  readonly #credential: Credential | undefined;
  /** A collection that the app reads: looked at to see whether a region has caught up. */
  #collection: string | undefined;

  constructor(platform: Platform, options: SenderOptions) {
    this.platform = platform;
    this.deadlineMs = options.deadlineMs;
    this.limits = options.lanes;
    this.#options = options;
    this.#budget = startBudget(options.budget, platform.nowMs());
    const { credential } = options;
    this.#credential = credential && new Credential(platform, credential);
    this.#lanes = new Map(options.regions.map(({ name }) => [name, new Lane(options.lanes)]));
    this.router = new Router(platform, options.regions, {
      ready: (region) => this.#look(region, "/readyz", LOOK_TIMEOUT_MS),
      hasCaughtUp: (region) => this.#hasCaughtUp(region),
      left: ({ name }) => this.#lanes.get(name)!.clear(),
    });
  }

  /**
   * @returns the answer's body.
   * @throws {ForebayError} with the code of the problem; unreachable, client-overloaded.
   * @throws {OutcomeUnknownError} for a change that may have taken effect.
   * @throws the signal's reason.
   */
  async send(request: ClientRequest, options?: CallOptions, before?: Ran): Promise<unknown> {
    const { chase, error, body } = await this.run(request, options, before);
    if (error !== undefined) throw this.failure(request, chase, error);
    return body;
  }

  /**
   * @param before what is known of it, and the region to go on with.
   * @throws the signal's reason.
   */
  async run(
    request: ClientRequest,
    options: CallOptions = {},
    { chase, region: stay }: Pick<Ran, "chase" | "region"> = { chase: NEW_CHASE },
  ): Promise<Ran> {
    const { platform, router } = this;
    const { deadlineMs = this.#options.deadlineMs, signal } = options;
    const call: Call = { request, untilMs: platform.nowMs() + deadlineMs, signal };
    for (;;) {
      const tried = await this.#try(call, chase, stay);
      // What keeps it from being sent says nothing of earlier tries.
      if (tried instanceof ForebayError) return { chase, error: tried };
      const { place, outcome } = tried;
      const { region, token } = place;
      if (outcome.type === "answered") return { chase, body: outcome.body, region };
      const judged = judgeTry(chase, outcome, {
        isChange: request.idempotencyKey !== undefined || request.isChange === true,
        isTake: request.isTake === true,
        region: region.name,
        regions: router.count,
        canRenewToken: this.#options.canRenewCredential,
        leftMs: call.untilMs - platform.nowMs(),
        fraction: platform.random(),
      });
      chase = judged.chase;
      const { decision } = judged;
      if (decision.next !== "retry") return { chase, error: errorOf(outcome) };
      if (decision.renewToken) this.forgetToken(token);
      const waitMs = this.takeRetry(decision.delayMs, call.untilMs);
      if (waitMs === undefined) return { chase, error: errorOf(outcome) };
      if (waitMs > 0) await sleep(platform, waitMs, signal);
      stay = decision.stay ? region : undefined;
    }
  }

  /** Of the budget of all requests. @returns how long to wait; undefined where it would be too late. */
  takeRetry(delayMs: number, deadlineAtMs: number): number | undefined {
    const nowMs = this.platform.nowMs();
    const taken = takeRetry(this.#budget, {
      limits: this.#options.budget,
      nowMs,
      leftMs: deadlineAtMs - nowMs - delayMs,
    });
    this.#budget = taken.budget;
    return taken.waitMs === undefined ? undefined : taken.waitMs + delayMs;
  }

  /** @returns what kept it from being sent, or how it ended. @throws the signal's reason. */
  async #try(call: Call, chase: Chase, stay: RegionAddress | undefined): Promise<Tried | ForebayError> {
    const { signal } = call;
    try {
      const place = await this.#enter(call, chase, stay);
      try {
        const outcome = await this.#ask(call, place);
        // Before the place is handed on: whoever waits for a region that has gone away goes elsewhere.
        this.#report(place.region, outcome);
        return { place, outcome };
      } finally {
        place.lane.leave();
      }
    } catch (error) {
      signal?.throwIfAborted();
      return error as ForebayError;
    }
  }

  /**
   * A request carries all that was seen; where that is too much, a read goes before it, as often as it takes. What a region
   * takes alone needs none of it.
   */
  async #ask(call: Call, place: Place): Promise<Outcome> {
    const { request, untilMs } = call;
    const isRead = request.method === "GET";
    const { tryMs = this.#options.tryMs } = request;
    const timed = { ...call, untilMs: Math.min(untilMs, this.platform.nowMs() + tryMs) };
    const read = isRead
      ? request
      : this.#collection && { method: "GET", path: listPath(this.#collection, "local") };
    for (let left = ASKS_MAX; ; left -= 1) {
      const carried = this.session.carry();
      if (carried.isAll || request.isLocal === true) return await this.#askOnce(timed, place, carried);
      // Refused, where it is too much.
      if (!read || left === 0) return this.#askOnce(timed, place, this.session.carryAll());
      const outcome = await this.#askOnce({ ...timed, request: read }, place, carried);
      if (outcome.type !== "silent" && outcome.session !== undefined) continue;
      if (isRead) return outcome;
      // Nothing of the change was sent.
      if (outcome.type === "silent") return { ...outcome, isSent: false };
      left = 1;
    }
  }

  async #askOnce(
    { request, untilMs, signal }: Call,
    { region, token }: Place,
    carried: Carried,
  ): Promise<Outcome> {
    const headers: Record<string, string> = { ...request.headers };
    if (carried.tokens.length > 0) headers["forebay-session"] = sessionHeader(carried);
    if (request.idempotencyKey !== undefined) headers["idempotency-key"] = request.idempotencyKey;
    if (request.body !== undefined) headers["content-type"] ??= "application/json";
    if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
    const { tryMs = this.#options.tryMs } = request;
    const timeoutMs = Math.max(0, Math.min(tryMs, untilMs - this.platform.nowMs()));
    headers["forebay-deadline-ms"] = String(serverDeadlineMs(timeoutMs));
    const { method, path, body } = request;
    const url = region.url + path;
    const outcome = await attempt(this.platform, { url, method, headers, body, timeoutMs, signal });
    this.#learnSession(outcome, carried);
    return outcome;
  }

  /** Chooses again where the region goes away before there is a place, or has none for too long: nothing was sent to it. */
  async #enter(call: Call, { tried }: Chase, stay: RegionAddress | undefined): Promise<Place> {
    const { untilMs, request, signal } = call;
    const { tryMs = this.#options.tryMs } = request;
    let region = stay ?? (await this.router.choose(tried));
    const full: string[] = [];
    for (;;) {
      const token = await this.token(call);
      const lane = this.#lanes.get(region.name)!;
      if (lane.tryEnter()) return { region, lane, token };
      const leftMs = untilMs - this.platform.nowMs();
      if (lane.isFull || leftMs <= 0) throw overloaded();
      // A place in the queue of the only region is not given up.
      const waitMs = this.router.count > 1 ? Math.min(tryMs, leftMs) : leftMs;
      if (await this.#waitFor(lane, waitMs, signal)) return { region, lane, token };
      full.push(region.name);
      region = await this.router.choose([...tried, ...full]);
    }
  }

  /** @returns whether there is a place. @throws the signal's reason. */
  async #waitFor(lane: Lane, waitMs: number, signal: AbortSignal | undefined): Promise<boolean> {
    signal?.throwIfAborted();
    const { entered, giveUp } = lane.wait();
    const cancel = this.platform.after(waitMs, giveUp);
    const forget = onAbort(signal, giveUp);
    const hasPlace = await entered;
    cancel();
    forget();
    if (!hasPlace) signal?.throwIfAborted();
    return hasPlace;
  }

  /**
   * The credential, asked for once for all requests; undefined where there is none.
   * @throws {ForebayError} unauthenticated, where the app gives none in time. @throws the signal's reason.
   */
  token(wait: Wait): Promise<string> | undefined {
    return this.#credential?.get(wait);
  }

  /** @param refused by a region. */
  forgetToken(refused: string | undefined): void {
    this.#credential?.forget(refused);
  }

  /** Which collection the app reads. */
  reads(collection: string): void {
    this.#collection = collection;
  }

  #learnSession(outcome: Outcome, carried: Carried): void {
    if (outcome.type !== "silent" && outcome.session !== undefined)
      this.session.seen(outcome.session, carried);
  }

  #report({ name }: RegionAddress, outcome: Outcome): void {
    if (this.router.count > 1) this.router.report(name, outcome.type === "answered" ? ANSWERED : outcome);
  }

  /** What the app is told. */
  failure(request: ClientRequest, chase: Chase, cause: ForebayError): ForebayError {
    const { idempotencyKey = "", isTake } = request;
    if (!chase.isInDoubt) return cause;
    const { operation, expiresAtMs, doubtIn } = chase;
    const before = {
      chase: { ...NEW_CHASE, isInDoubt: true, operation, expiresAtMs, doubtIn },
      // Elsewhere a take would use up rights once more, until the log has ordered both.
      region: isTake ? this.#options.regions.find(({ name }) => name === doubtIn) : undefined,
    };
    const settle = (options?: CallOptions) => this.send(request, options, before);
    return new OutcomeUnknownError({ idempotencyKey, operation, expiresAtMs, settle }, cause);
  }

  async #look({ url }: RegionAddress, path: string, timeoutMs: number): Promise<Outcome> {
    const headers: Record<string, string> = {};
    const carried = this.session.carry();
    if (path !== "/readyz") {
      headers["forebay-session"] = sessionHeader(carried);
      headers["forebay-deadline-ms"] = String(serverDeadlineMs(timeoutMs));
      const token = await this.token({ untilMs: this.platform.nowMs() + timeoutMs });
      if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
    }
    const request = {
      url: url + path,
      method: "GET",
      headers,
      body: undefined,
      timeoutMs,
      signal: undefined,
    };
    return attempt(this.platform, request);
  }

  /** Lists what it must have folded for: a region that would have to wait for the session refuses. */
  async #hasCaughtUp(region: RegionAddress): Promise<boolean> {
    const collection = this.#collection;
    if (collection === undefined || this.session.carry().tokens.length === 0) return true;
    const path = listPath(collection, "session");
    const outcome = await this.#look(region, path, CATCH_UP_MS).catch(() => undefined);
    if (outcome?.type !== "refused") return outcome?.type === "answered";
    // Who may not list can't tell.
    return outcome.problem.retry === "never";
  }
}

const ANSWERED = { type: "answered" } as const;

function listPath(collection: string, consistency: string): string {
  return `/v1/collections/${collection}/records?limit=1&consistency=${consistency}`;
}

function serverDeadlineMs(timeoutMs: number): number {
  return Math.round(Math.min(DEADLINE_MS_MAX, Math.max(DEADLINE_MS_MIN, timeoutMs * ANSWER_SHARE)));
}

/** Nothing was sent. */
export function overloaded(): ForebayError {
  const detail = "this client has too many requests waiting for a region";
  return new ForebayError({ code: "client-overloaded", status: 0, retry: "same", detail });
}

function errorOf(outcome: Exclude<Outcome, { type: "answered" }>): ForebayError {
  if (outcome.type === "refused") return new ForebayError(outcome.problem);
  const { cause } = outcome;
  const { message, cause: below } = Object(cause) as Partial<Error> & { readonly cause?: Error };
  const detail = `no region has answered: ${message ?? String(cause)}${below?.message ? `: ${below.message}` : ""}`;
  return new ForebayError({ code: "unreachable", status: 0, retry: "same", detail }, { cause });
}
