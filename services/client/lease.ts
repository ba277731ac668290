/** A lease that renews itself: whoever works under it learns from its signal that it may be another's. */
import type { Fence } from "./define/types.ts";
import { ForebayError, isForebayError, LeaseLostError } from "./errors.ts";
import { sleep } from "./platform.ts";
import type { CallOptions, Sender } from "./request/sender.ts";

export interface LeaseOptions extends CallOptions {
  /** How long it is held without a renewal, 1,000 to 600,000. */
  readonly ttlMs: number;
  /** Who holds it, for people. Default: a name of its own. */
  readonly holder?: string;
  /** How long to wait for it where another holds it. Default 0. */
  readonly waitMs?: number;
}

/** Part of the time of a lease after which it is renewed. */
const RENEW_SHARE = 1 / 3;
const TRY_SHARE = 1 / 5;
const TRY_AGAIN_SHARE = 1 / 10;
const ASK_MS_BASE = 100;
const ASK_MS_MAX = 2_000;

/**
 * Acquires it.
 * @throws {ForebayError} lease-held, where another holds it for longer than `waitMs`.
 */
export async function acquireLease(sender: Sender, name: string, options: LeaseOptions): Promise<Lease> {
  const { platform } = sender;
  const { ttlMs, waitMs = 0, holder = platform.uniqueName(), deadlineMs, signal } = options;
  const untilMs = platform.nowMs() + waitMs;
  const call = { ...(deadlineMs !== undefined && { deadlineMs }), ...(signal !== undefined && { signal }) };
  for (let tries = 0; ; tries += 1) {
    try {
      const body = { holder, ttl_ms: ttlMs };
      const startedMs = platform.nowMs();
      const token = tokenOf(await sendLease(sender, { name, body, ...call }));
      return new Lease(sender, { name, ttlMs, token, heldUntilMs: startedMs + ttlMs });
    } catch (error) {
      const pauseMs =
        Math.min(ASK_MS_MAX, ASK_MS_BASE * 2 ** Math.min(tries, 8)) * (0.5 + platform.random() / 2);
      if (!isForebayError(error, "lease-held") || platform.nowMs() + pauseMs >= untilMs) throw error;
      await sleep(platform, pauseMs, signal);
    }
  }
}

interface LeaseCall extends CallOptions {
  readonly name: string;
  readonly body: object;
  readonly tryMs?: number;
}

/** Each is a request of its own: what the log has refused under one key stays refused. */
function sendLease(sender: Sender, { name, body, tryMs, ...options }: LeaseCall): Promise<unknown> {
  const path = `/v1/leases/${encodeURIComponent(name)}`;
  const idempotencyKey = sender.platform.uniqueName();
  const request = { method: "POST", path, body: JSON.stringify(body), idempotencyKey };
  return sender.send({ ...request, ...(tryMs !== undefined && { tryMs }) }, options);
}

function tokenOf(answer: unknown): string {
  const { result } = answer as { readonly result?: { readonly token: string } };
  if (result !== undefined) return result.token;
  const detail = "the answer to the acquisition of the lease has no token";
  throw new ForebayError({ code: "malformed-answer", status: 0, retry: "same", detail });
}

export class Lease {
  readonly name: string;
  readonly #sender: Sender;
  readonly #ttlMs: number;
  readonly #lost = new AbortController();
  #token: string;
  /** By this client's clock, from before the grant was asked for: never later than by the log's. */
  #heldUntilMs: number;
  #cancel: () => void = () => undefined;
  #isReleased = false;

  constructor(
    sender: Sender,
    grant: {
      readonly name: string;
      readonly ttlMs: number;
      readonly token: string;
      readonly heldUntilMs: number;
    },
  ) {
    this.name = grant.name;
    this.#sender = sender;
    this.#ttlMs = grant.ttlMs;
    this.#token = grant.token;
    this.#heldUntilMs = grant.heldUntilMs;
    this.#renewLater(grant.ttlMs * RENEW_SHARE);
  }

  /** Aborted, with a `LeaseLostError`, as soon as the lease may be another's. A process that was paused learns it late: fence what it writes. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** For writes and transactions: the log refuses them once the lease has passed on or run out. */
  get fence(): Fence {
    return { lease: this.name, token: this.#token };
  }

  /** Gives it back, so that another need not wait. */
  async release(options: CallOptions = {}): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#cancel();
    const path = `/v1/leases/${encodeURIComponent(this.name)}?token=${this.#token}`;
    const idempotencyKey = this.#sender.platform.uniqueName();
    try {
      await this.#sender.send({ method: "DELETE", path, idempotencyKey }, options);
    } catch (error) {
      if (!isForebayError(error, "lease-lost")) throw error;
    }
  }

  #renewLater(delayMs: number): void {
    const leftMs = this.#heldUntilMs - this.#sender.platform.nowMs();
    this.#cancel = this.#sender.platform.after(
      Math.max(0, Math.min(delayMs, leftMs)),
      () => void this.#renew(),
    );
  }

  async #renew(): Promise<void> {
    const { platform } = this.#sender;
    const startedMs = platform.nowMs();
    const leftMs = this.#heldUntilMs - startedMs;
    if (leftMs <= 0) return this.#lose(new Error("its time was over before it could be renewed"));
    // Whatever becomes of the request: the signal is not later than the end.
    const cancelEnd = platform.after(leftMs, () => this.#lose(new Error("no renewal was answered in time")));
    this.#cancel = cancelEnd;
    try {
      const body = { token: this.#token, ttl_ms: this.#ttlMs };
      this.#token = tokenOf(
        await sendLease(this.#sender, {
          name: this.name,
          body,
          deadlineMs: leftMs,
          // So that more than one has its turn before the end.
          tryMs: this.#ttlMs * TRY_SHARE,
          signal: this.signal,
        }),
      );
      this.#heldUntilMs = startedMs + this.#ttlMs;
      if (!this.#isOver) this.#renewLater(this.#ttlMs * RENEW_SHARE);
    } catch (error) {
      if (this.#isOver) return;
      if (isForebayError(error) && error.retry === "never") this.#lose(error);
      else this.#renewLater(this.#ttlMs * TRY_AGAIN_SHARE);
    } finally {
      cancelEnd();
    }
  }

  get #isOver(): boolean {
    return this.#isReleased || this.signal.aborted;
  }

  #lose(cause: unknown): void {
    this.#cancel();
    if (!this.#isOver) this.#lost.abort(new LeaseLostError(this.name, cause));
  }
}
