/**
 * Answers refused requests, no faster than the process can afford: a refusal costs a good part of an answer, so clients
 * that come back at once would keep it from working. A refused request is held for a moment, which costs a socket.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { RefusalReason } from "../../core/admission/reason.ts";
import { DEADLINE_HEADER } from "../../protocol/http/headers.ts";
import type { ProblemCode } from "../../protocol/http/problems.ts";
import type { Refusal } from "../admission/refusals.ts";
import { problemAnswer } from "./problem.ts";
import { PROBLEM_MEDIA_TYPE } from "./send-problem.ts";

/** Refusals that are answered for every answer to a request that was taken on, and at least. */
const REFUSALS_PER_ANSWER = 0.2;
const REFUSALS_PER_TICK_MIN = 2;
const TICK_MS = 20;
/** What a quiet time saves up: more at once would keep the process from working all the same. */
const BUDGET_MAX = 128;
/** Answered in one tick where connections are short: each makes room for another, and all at once would be a long turn. */
const REFUSALS_PER_TICK_CROWDED = 256;
/** Held no longer, however many there are: a client must not take a refusal for an unknown outcome. */
const HOLD_MS_MAX = 4_000;
/** Of the time that the client says it waits. */
const HOLD_DEADLINE_SHARE = 0.25;
/** More are answered at once, and lose their connection. */
const HELD_MAX = 16_384;

interface Held {
  readonly response: ServerResponse;
  readonly refusal: Refusal;
  readonly untilMs: number;
}

export class RefusalPacer {
  readonly #isCrowded: () => boolean;
  #held: Held[] = [];
  #budget = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param isCrowded whether connections are short: then refusals are not held, and lose theirs. */
  constructor(isCrowded: () => boolean) {
    this.#isCrowded = isCrowded;
  }

  /** A request that was taken on is through. */
  answered(): void {
    this.#budget = Math.min(BUDGET_MAX, this.#budget + REFUSALS_PER_ANSWER);
  }

  refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
    if (this.#isClosed || this.#held.length >= HELD_MAX || this.#isCrowded()) {
      dismiss(response, refusal);
      return;
    }
    this.#held.push({ response, refusal, untilMs: performance.now() + holdMsOf(request) });
    this.#timer ??= setInterval(() => this.#release(), TICK_MS);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    for (const { response, refusal } of this.#held) answer(response, refusal);
    this.#held = [];
  }

  /** As many as can be afforded, those first that have waited longest; and whoever has waited long enough. */
  #release(): void {
    const nowMs = performance.now();
    const isCrowded = this.#isCrowded();
    const least = isCrowded ? REFUSALS_PER_TICK_CROWDED : REFUSALS_PER_TICK_MIN;
    let affordable = Math.max(least, Math.floor(this.#budget));
    this.#budget = 0;
    this.#held = this.#held.filter(({ response, refusal, untilMs }) => {
      if (response.destroyed) return false;
      if (affordable <= 0 && untilMs > nowMs) return true;
      affordable -= 1;
      if (isCrowded) dismiss(response, refusal);
      else answer(response, refusal);
      return false;
    });
    if (this.#held.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function holdMsOf(request: IncomingMessage): number {
  const deadlineMs = Number(request.headers[DEADLINE_HEADER] ?? Number.NaN);
  // Those that came together don't go together.
  const holdMs = HOLD_MS_MAX * (0.5 + 0.5 * Math.random());
  return deadlineMs > 0 ? Math.min(holdMs, deadlineMs * HOLD_DEADLINE_SHARE) : holdMs;
}

/** The connection ends with the answer. */
function dismiss(response: ServerResponse, refusal: Refusal): void {
  response.shouldKeepAlive = false;
  answer(response, refusal);
}

/** Rendered once: what differs is when to come back. */
function answer(response: ServerResponse, { reason, retryAfterMs }: Refusal): void {
  const { status, body } = RENDERED[reason];
  response.writeHead(status, [
    "Content-Type",
    PROBLEM_MEDIA_TYPE,
    "Content-Length",
    String(body.length),
    "Retry-After",
    String(Math.ceil(retryAfterMs / 1_000)),
  ]);
  response.end(body);
}

const DETAILS: { readonly [Reason in RefusalReason]: { code: ProblemCode; detail: string } } = {
  "requests-in-flight": {
    code: "overloaded",
    detail: "the region process has as many requests in flight as it may have; nothing was done",
  },
  "event-loop-delay": {
    code: "overloaded",
    detail:
      "the region process is busy and takes on no more requests than it can answer soon; nothing was done",
  },
  "tenant-share": {
    code: "overloaded",
    detail:
      "the region process is busy, and this tenant has its share of requests in flight; nothing was done",
  },
  "tenant-rate": {
    code: "rate-limited",
    detail: "this tenant sends more requests a second than it may; nothing was done",
  },
  "requests-waiting": {
    code: "overloaded",
    detail: "as many requests wait for the log as may; nothing was done",
  },
  memory: { code: "memory-short", detail: "the region process is short of memory; nothing was done" },
  "wal-rows": { code: "wal-full", detail: "too many rows wait in the write-ahead buffer; nothing was done" },
  "wal-bytes": {
    code: "wal-full",
    detail: "too many bytes wait in the write-ahead buffer; nothing was done",
  },
  "wal-age": { code: "wal-full", detail: "rows wait too long in the write-ahead buffer; nothing was done" },
};

function render(reason: RefusalReason): { readonly status: number; readonly body: Buffer } {
  const problem = problemAnswer({ ...DETAILS[reason], reason });
  return { status: problem.status, body: Buffer.from(JSON.stringify(problem)) };
}

const RENDERED = Object.fromEntries(
  (Object.keys(DETAILS) as RefusalReason[]).map((reason) => [reason, render(reason)]),
) as { readonly [Reason in RefusalReason]: ReturnType<typeof render> };
